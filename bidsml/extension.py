"""What other installed packages add: feature kinds, estimators and report sections, found by their entry points.

A package declares an entry point in one of the groups below; nothing is ever loaded from a dataset. Only the packages'
metadata is read to know the names. A package is imported when an analysis uses what it offers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from bidsml.errors import PluginError

FEATURES = "bidsml.features"
ESTIMATORS = "bidsml.estimators"
PARTICIPANT_SECTIONS = "bidsml.participant_sections"
GROUP_SECTIONS = "bidsml.group_sections"
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        FEATURES: "feature kind",
        ESTIMATORS: "estimator",
        PARTICIPANT_SECTIONS: "section of participants' pages",
        GROUP_SECTIONS: "section of the group's page",
    }
)
"""What an entry point of each group gives."""

_OWN = "bidsml"
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Plugin:
    """One entry point of an installed package.

    Attributes
    ----------
    target
        What is loaded: ``module:attribute``.
    package, version
        Of the distribution that declares it.
    """

    group: str
    name: str
    target: str
    package: str
    version: str

    def load(self) -> Any:
        """Import what the entry point names.

        Raises
        ------
        PluginError
            It cannot be imported.
        """
        try:
            return EntryPoint(self.name, self.target, self.group).load()
        except (Exception, SystemExit) as error:
            # A script that ends itself when it is imported would end the run too, and with its own exit code.
            raise PluginError(
                f"the {GROUPS[self.group]} {self.name!r} of the package {self.package} {self.version} cannot be "
                f"imported from {self.target}: {type(error).__name__}: {error}",
                hint=f"repair or uninstall {self.package}; `bidsml doctor` lists all extensions",
            ) from error

    def digest(self) -> str:
        """SHA-256 of the package's version, its files, and the versions of the packages that it requires."""
        return _digest(self.package, self.version, self.target.partition(":")[0].strip())


@cache
def find_plugins(group: str) -> tuple[Plugin, ...]:
    """List the entry points of a group by name, without importing any package."""
    found = [
        Plugin(group, point.name, point.value, point.dist.name, point.dist.version)
        for point in entry_points(group=group)
        if point.dist is not None and point.dist.name != _OWN
    ]
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.package)))


def used_plugins(names: Mapping[str, Collection[str]]) -> tuple[Plugin, ...]:
    """Give the plugins behind some names, by group; names of bidsml's own entries give none."""
    return tuple(plugin for group, wanted in names.items() for plugin in find_plugins(group) if plugin.name in wanted)


class Catalog(Mapping[str, Entry], Generic[Entry]):
    """Entries by name: bidsml's own, and those of installed packages, which are imported when they are asked for.

    Parameters
    ----------
    own
        bidsml's entries.
    group
        Entry points that add to them.
    kind
        What an entry is; ``None``: a function.
    """

    def __init__(self, own: Mapping[str, Entry], *, group: str, kind: type[Entry] | None = None) -> None:
        self.own = MappingProxyType(dict(own))
        self.group = group
        self._kind = kind

    def __getitem__(self, name: str) -> Entry:
        """Give an entry.

        Raises
        ------
        KeyError
            Nobody offers it.
        PluginError
            Several packages do, or the one that does cannot be imported, or gives something else.
        """
        offered = [plugin for plugin in find_plugins(self.group) if plugin.name == name]
        packages = [_OWN] * (name in self.own) + [plugin.package for plugin in offered]
        if len(packages) > 1:
            raise PluginError(
                f"the {GROUPS[self.group]} {name!r} is offered by {' and by '.join(packages)}",
                hint=f"uninstall one of them: names must differ ({packages[-1]} should rename its entry point)",
            )
        return self._load(offered[0]) if offered else self.own[name]

    def _load(self, plugin: Plugin) -> Entry:
        entry = plugin.load()
        fits = callable(entry) if self._kind is None else isinstance(entry, self._kind)
        if not fits:
            wanted = "a function" if self._kind is None else f"one {self._kind.__name__}"
            found = f"{plugin.package} {plugin.version} gives {type(entry).__name__} under {plugin.target}"
            raise PluginError(
                f"an entry point of {self.group} must give {wanted}; {found}", hint="see docs/extending.md"
            )
        inside = getattr(entry, "name", plugin.name) if self._kind is not None else plugin.name
        if inside != plugin.name or not plugin.name.isidentifier():
            raise PluginError(
                f"the entry point {plugin.name!r} of {plugin.package} {plugin.version} gives a "
                f"{GROUPS[self.group]} named {inside!r}",
                hint="both names must be the same: a word of letters, digits and underscores",
            )
        return entry  # type: ignore[no-any-return]

    def __contains__(self, name: object) -> bool:
        """Whether somebody offers it; nothing is imported."""
        return any(name == one for one in self)

    def __iter__(self) -> Iterator[str]:
        """Go through the names; nothing is imported."""
        yield from dict.fromkeys([*self.own, *(plugin.name for plugin in find_plugins(self.group))])

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def _digest(package: str, number: str, module: str) -> str:
    digest = hashlib.sha256(f"{package} {number}\n".encode())
    for requirement in sorted(requires(package) or []):
        digest.update(f"{requirement} {_version_of(requirement)}\n".encode())
    for root, path in source_files(module):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _version_of(requirement: str) -> str:
    name = requirement
    for end in " ;[(<>=!~@":
        name = name.partition(end)[0]
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def source_files(module: str) -> list[tuple[Path, Path]]:
    """List the files of the package that a module is in, each after the folder that holds the package.

    Of ``lab.measures.entropy`` all files of ``lab``, or of ``lab.measures`` where ``lab`` is a namespace that several
    distributions share. Neither compiled Python nor the module itself is loaded.
    """
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = find_spec(".".join(parts[:depth]))
        if spec is None:
            break
        if spec.origin is None:
            continue
        origin = Path(spec.origin)
        if not spec.submodule_search_locations:
            return [(origin.parent, origin)]
        files = (path for path in origin.parent.rglob("*") if path.is_file())
        kept = (path for path in files if path.suffix != ".pyc" and "__pycache__" not in path.parts)
        return [(origin.parent.parent, path) for path in sorted(kept)]
    return []


def forget_plugins() -> None:
    """Look for plugins anew at the next use: for a program that installs one while it runs."""
    find_plugins.cache_clear()
    _digest.cache_clear()
