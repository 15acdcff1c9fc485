"""Read analysis.toml: by name or path, with overrides, and with errors that say where."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bidsml.errors import AnalysisFileError, MissingInputError, UsageError, near_names
from bidsml.spec.analysis import AnalysisSpec
from bidsml.spec.tomlfile import explain, read_toml


def ready_made_folder() -> Path:
    """Folder of the analyses that come with bidsml: inside the wheel, or ``workflows/`` of a checkout."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_workflows"
    return packed if packed.is_dir() else package.parent / "workflows"


def list_ready_made() -> tuple[str, ...]:
    """Names of the analyses that come with bidsml."""
    return tuple(sorted(path.parent.name for path in ready_made_folder().glob("*/analysis.toml")))


def load_analysis(name_or_path: str, *, overrides: Sequence[str] = ()) -> AnalysisSpec:
    """Load and check an analysis.

    Parameters
    ----------
    name_or_path
        A ready-made analysis (``rest-connectome``), an ``analysis.toml``, or a folder that holds one.
    overrides
        ``key.path=value`` entries of ``--set``; the value is TOML, or else plain text.

    Raises
    ------
    AnalysisFileError
        The file is not TOML, has an unknown key, a wrong type or a contradiction.
    MissingInputError
        There is no such file or name.
    """
    path = _find(name_or_path)
    text, content = read_toml(path)
    for override in overrides:
        _apply(content, override)
    try:
        return AnalysisSpec.model_validate_json(_as_json(content, path))
    except ValidationError as error:
        message = explain(error, path=path, text=text, model=AnalysisSpec)
        raise AnalysisFileError(message, hint="`bidsml schema` prints every key") from error


def _find(name_or_path: str) -> Path:
    path = Path(name_or_path)
    if path.is_dir() and (path / "analysis.toml").is_file():
        return path / "analysis.toml"
    if path.is_file():
        return path
    known = list_ready_made()
    if name_or_path in known:
        return ready_made_folder() / name_or_path / "analysis.toml"
    if path.suffix or "/" in name_or_path:
        raise MissingInputError(
            f"there is no analysis file {name_or_path}", hint=f"ready-made analyses: {', '.join(known)}"
        )
    raise AnalysisFileError(f"there is no analysis named {name_or_path!r}", hint=near_names(name_or_path, known))


def _as_json(content: Mapping[str, Any], path: Path) -> bytes:
    # JSON mode lets arrays fill tuples while numbers and texts stay strictly apart.
    import pydantic_core

    try:
        return pydantic_core.to_json(content)
    except ValueError as error:
        raise AnalysisFileError(
            f"{path}, with what --set changes, is nested too deeply or holds text that is not Unicode: {error}",
            hint="mend that entry; `bidsml schema` prints what each takes",
        ) from error


def _apply(content: dict[str, Any], override: str) -> None:
    """Set one ``key.path=value``; a number in the path indexes an array of tables."""
    key, separator, raw = override.partition("=")
    parts = key.strip().split(".")
    if not separator or not all(parts):
        raise UsageError(
            f"--set {override!r} is not key.path=value", hint="for example --set inference.permutations=200"
        )
    try:
        value = tomllib.loads(f"v = {raw.strip()}")["v"]
    except (ValueError, RecursionError):
        value = raw.strip()
    node: Any = content
    try:
        for part in parts[:-1]:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        if isinstance(node, list):
            node[int(parts[-1])] = value
        else:
            node[parts[-1]] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise UsageError(f"--set {override!r}: there is no place {key!r} in the analysis", hint=str(error)) from error
