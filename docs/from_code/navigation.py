"""The navigation's patterns."""

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any


def expand(nav: list[Any], pages: Mapping[str, str]) -> list[Any]:
    """Put the pages that a pattern matches in its place, in the order of their titles.

    Parameters
    ----------
    nav
        As in mkdocs.yml: pages, or a title with a page or with a list like this one.
    pages
        Text of every page by its place.
    """
    named = set(_places(nav))
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and "*" in entry:
            matching = (name for name in pages if fnmatch(name, entry) and name not in named)
            found += sorted(matching, key=lambda name: pages[name].lstrip("# \n").casefold())
        elif isinstance(entry, dict):
            found.append({key: _expand_one(value, pages) for key, value in entry.items()})
        else:
            found.append(entry)
    return found


def _places(nav: list[Any]) -> list[str]:
    places: list[str] = []
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            places += _places(value) if isinstance(value, list) else [value]
    return places


def _expand_one(value: Any, pages: Mapping[str, str]) -> Any:
    return expand(value, pages) if isinstance(value, list) else value
