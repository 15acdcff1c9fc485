"""Narrow candidates down: the user's filters one by one, then the choice among versions of one recording."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from bidsml.bids.candidates import VARIANT, Candidate, same_name
from bidsml.bids.names import LONG_NAMES
from bidsml.errors import DataError, NothingSelectedError, UsageError, near_names
from bidsml.spec import AnalysisSpec, RunOptions

QUERIES = ("bold", "timeseries", "relmat", "t1w")
# Queries of fMRIPrep's filter files for images that are not read here.
_UNUSED_QUERIES = ("asl", "fmap", "flair", "roi", "sbref", "t2w")
# Spaces of one person's own anatomy: no atlas lies in them, so a standard space goes first.
_INDIVIDUAL = ("", "T1w", "T2w", "anat", "bold", "boldref", "func", "fsnative", "individual", "orig", "scanner")
_FILE_KEYS = ("suffix", "extension", "datatype")


class NamedFile(Protocol):
    """A file that can be filtered by what its name says; ``kind`` is the word for messages."""

    @property
    def kind(self) -> str:
        """Word for messages."""
        ...

    @property
    def participant_id(self) -> str:
        """Label without ``sub-``."""
        ...

    @property
    def path(self) -> Path:
        """Where the file lies."""
        ...

    @property
    def entities(self) -> Mapping[str, str]:
        """Of the name, without ``sub``."""
        ...

    @property
    def suffix(self) -> str:
        """Of the name."""
        ...

    @property
    def extension(self) -> str:
        """With its dot."""
        ...


File = TypeVar("File", bound=NamedFile)


class Filter(NamedTuple):
    """One condition on files, with the words for messages: ``session in a, b``."""

    words: str
    value_of: Callable[[NamedFile], str]
    accepts: Callable[[NamedFile], bool]


def plan_filters(spec: AnalysisSpec, options: RunOptions, *, kind: str, raw: bool = False) -> tuple[Filter, ...]:
    """Plan the filters that the command line and the analysis put on one kind of scan, in the order they are applied.

    Parameters
    ----------
    raw
        Of the dataset itself: its images have no template space. A T1w has no task, and one of another session than
        those asked for may stand in, so that only its own query and the participants narrow it down.

    Raises
    ------
    UsageError
        A filter names an unknown query or entity.
    """
    check_filters(options.filters)
    filters = []
    functional = kind != "t1w"
    if options.participant_labels:
        wanted = options.participant_labels
        filters.append(
            Filter(
                f"--participant-label {' '.join(wanted)}",
                lambda c: c.participant_id,
                lambda c: c.participant_id in wanted,
            )
        )
    if options.session_labels and functional:
        filters.append(_entity(f"--session-label {' '.join(options.session_labels)}", "ses", options.session_labels))
    if options.task_ids and functional:
        filters.append(_entity(f"--task-id {' '.join(options.task_ids)}", "task", options.task_ids))
    if spec.input.task and functional:
        filters.append(_entity(f"input.task = {spec.input.task}", "task", (spec.input.task,)))
    if spec.input.space and not raw:
        filters.append(_entity(f"input.space = {spec.input.space}", "space", (spec.input.space,)))
    for name, wish in options.filters.get(kind, {}).items():
        filters.append(_wish(f"--bids-filter-file {kind}.{name} = {wish}", name, wish))
    return tuple(filters)


def check_filters(filters: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse unknown names in a filter file.

    Raises
    ------
    UsageError
        A query or an entity is not known.
    """
    known = (*LONG_NAMES, *_FILE_KEYS)
    for query, wishes in filters.items():
        if query not in (*QUERIES, *_UNUSED_QUERIES):
            raise UsageError(f"--bids-filter-file: unknown query {query!r}", hint=near_names(query, QUERIES))
        if not isinstance(wishes, Mapping):
            raise UsageError(
                f"--bids-filter-file: {query!r} must hold entities, found {wishes!r}", hint='{"bold": {"session": "1"}}'
            )
        for name in wishes:
            if name not in known and name not in LONG_NAMES.values():
                raise UsageError(
                    f"--bids-filter-file: unknown entity {name!r} in {query!r}", hint=near_names(name, known)
                )


def _entity(words: str, key: str, wanted: Sequence[str]) -> Filter:
    return Filter(words, lambda c: c.entities.get(key, ""), lambda c: c.entities.get(key) in wanted)


def _wish(words: str, name: str, wish: Any) -> Filter:
    """One entry of a filter file: a value, a list, null (absent), or pybids' Query words."""

    def value_of(candidate: NamedFile) -> str:
        if name == "datatype":
            return candidate.path.parent.name
        if name in ("suffix", "extension"):
            return str(getattr(candidate, name))
        return candidate.entities.get(LONG_NAMES.get(name, name), "")

    def accepts(candidate: NamedFile) -> bool:
        found = value_of(candidate)
        return any(_meets(found, w) for w in (wish if isinstance(wish, list) else [wish]))

    return Filter(words, value_of, accepts)


def _meets(found: str, wish: Any) -> bool:
    if wish is None or wish == "Query.NONE":
        return not found
    if wish in ("*", "Query.ANY", "Query.REQUIRED"):
        return bool(found)
    if wish == "Query.OPTIONAL":
        return True
    text = str(wish)
    both_numbers = found.isdecimal() and text.isdecimal()
    return found == text or (both_numbers and int(found) == int(text))  # run-01 is run 1


def apply_filters(candidates: Sequence[File], filters: Iterable[Filter]) -> tuple[File, ...]:
    """Candidates that pass every filter.

    Raises
    ------
    NothingSelectedError
        One filter removed the last of them; the message says which, and what there was.
    """
    left = tuple(candidates)
    for condition in filters:
        passed = tuple(c for c in left if condition.accepts(c))
        if left and not passed:
            there = sorted({condition.value_of(c) or "none" for c in left})
            raise NothingSelectedError(
                f"{condition.words} leaves none of {len(left)} {left[0].kind} files; there is: {_some(there)}",
                hint="change or leave out that filter",
            )
        left = passed
    return left


def _some(values: Sequence[str], limit: int = 8) -> str:
    return ", ".join(values[:limit]) + (f" and {len(values) - limit} more" if len(values) > limit else "")


def choose_versions(candidates: Sequence[Candidate], spec: AnalysisSpec) -> tuple[Candidate, ...]:
    """Keep one version of each recording: one space, one atlas, one measure, one resolution.

    Raises
    ------
    DataError
        Several are there and the analysis doesn't say which, or the one it names is not there.
    """
    left = _one_space(candidates)
    if left and left[0].kind != "bold":
        atlases = tuple(f.atlas for f in spec.features if f.atlas)
        measures = tuple(f.measure for f in spec.features if f.measure)
        left = _one(left, lambda c: c.atlas, wishes=atlases, what="atlas", must_match=True)
        left = _one(left, lambda c: c.measure, wishes=measures, what="measure", must_match=False)
    for key in VARIANT:
        if key not in ("space", "atlas", "seg", "stat", "meas", "measure"):
            left = _one(left, _reader_of(key), wishes=(), what=key, must_match=False)
    return left


def _reader_of(key: str) -> Callable[[Candidate], str]:
    return lambda candidate: candidate.entities.get(key, "")


def _one_space(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    standard = tuple(c for c in candidates if c.entities.get("space", "") not in _INDIVIDUAL)
    left = standard or tuple(candidates)
    spaces = sorted({c.entities.get("space", "none") for c in left})
    if len(spaces) > 1:
        raise DataError(
            f"{left[0].kind} files lie in several spaces: {', '.join(spaces)}",
            hint=f"say which one: input.space in the analysis, or --set input.space={spaces[0]}",
        )
    return left


def _one(
    candidates: Sequence[Candidate],
    value_of: Callable[[Candidate], str],
    *,
    wishes: Sequence[str],
    what: str,
    must_match: bool,
) -> tuple[Candidate, ...]:
    found = sorted({value_of(c) for c in candidates})
    matching = [value for value in found if any(same_name(value, wish) for wish in wishes)]
    if wishes and must_match and not matching and any(found):
        raise DataError(
            f"the analysis asks for the {what} {', '.join(sorted(set(wishes)))}; "
            f"the {candidates[0].kind} files have {', '.join(found)}",
            hint=f"name that {what} in the features, or give the derivative that has it",
        )
    kept = matching or found
    if len(kept) > 1:
        listed = ", ".join(value or "none" for value in kept)
        long = next((name for name, short in LONG_NAMES.items() if short == what), what)
        raise DataError(
            f"{candidates[0].kind} files come with several values of {what}: {listed}",
            hint=f'say which one in a --bids-filter-file: {{"{candidates[0].kind}": {{"{long}": "{kept[-1]}"}}}}',
        )
    return tuple(c for c in candidates if value_of(c) in kept)
