"""Read analysis.toml: by name or path, with overrides, and with errors that say where."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bidsml.errors import AnalysisFileError, MissingInputError, UsageError, near_names
from bidsml.spec.analysis import AnalysisSpec

MAX_BYTES = 1_000_000


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
    if path.stat().st_size > MAX_BYTES:
        raise AnalysisFileError(f"{path} is larger than {MAX_BYTES} bytes", hint="an analysis file is a few kilobytes")
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise AnalysisFileError(f"{path} is not UTF-8 text: {error}", hint="save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AnalysisFileError(f"{path} is not valid TOML: {error}", hint="see toml.io for the syntax") from error
    for override in overrides:
        _apply(content, override)
    try:
        return AnalysisSpec.model_validate_json(_as_json(content))
    except ValidationError as error:
        raise AnalysisFileError(_explain(error, path, text), hint="`bidsml schema` prints every key") from error


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


def _as_json(content: Mapping[str, Any]) -> bytes:
    # JSON mode lets arrays fill tuples while numbers and texts stay strictly apart.
    import pydantic_core

    return pydantic_core.to_json(content)


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
    except tomllib.TOMLDecodeError:
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


def _explain(error: ValidationError, path: Path, text: str) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        location = problem["loc"]
        where = ".".join(str(part) for part in location) or "the file"
        line = _line_of(text, location)
        place = f"{path}:{line}" if line else str(path)
        if problem["type"] == "extra_forbidden":
            lines.append(f"{place}: unknown key {where!r}; {near_names(str(location[-1]), _keys_at(location[:-1]))}")
        else:
            found = "" if problem["type"] in ("missing", "value_error") else f", found {problem['input']!r}"
            lines.append(f"{place}: {where}: {problem['msg']}{found}")
    return "\n".join(lines)


def _keys_at(location: Sequence[str | int]) -> tuple[str, ...]:
    """Keys that the model takes at a place such as ``("features", 0)``."""
    model: type[BaseModel] = AnalysisSpec
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return tuple(model.model_fields)


def _line_of(text: str, location: Sequence[str | int]) -> int | None:
    """Line (from 1) of a key in TOML text: the key itself, else its table's header."""
    keys = [part for part in location if isinstance(part, str)]
    index = next((part for part in location if isinstance(part, int)), 0)
    if not keys:
        return None
    table: list[str] = []
    seen = -1
    header_line = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[{1,2}\s*([A-Za-z0-9_.-]+)\s*\]{1,2}", line)
        if header:
            table = header[1].split(".")
            if line.lstrip().startswith("[[") and table == keys[: len(table)]:
                seen += 1
            if table == keys[: len(table)] and max(seen, 0) == index:
                header_line = number
            if table == keys and max(seen, 0) == index:
                return number
            continue
        assignment = re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
        if assignment and max(seen, 0) == index:
            full = [*table, *assignment[1].replace('"', "").replace("'", "").split(".")]
            if full == keys[: len(full)] and len(full) > len(table):
                return number
    return header_line
