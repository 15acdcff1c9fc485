"""Where the participants table and what lies on disk disagree on who there is."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from bidsml.bids.participants import ID, participant_folders, read_participants, reconcile
from bidsml.errors import DataError, NothingSelectedError, near_names
from bidsml.spec import RunOptions


def folders_of(options: RunOptions) -> tuple[str, ...]:
    """Labels that have a folder in the dataset or in one of the derivatives, sorted."""
    roots = (options.bids_dir, *options.derivatives.values())
    return tuple(sorted({label for root in roots for label in participant_folders(root)}))


def say_disagreement(options: RunOptions, present: Collection[str], *, say: Callable[[str], None]) -> None:
    """Print both sides where the participants table and the folders disagree.

    Nothing is printed where there is nothing to compare: no table, or no folder at all.

    Parameters
    ----------
    present
        Labels without ``sub-`` that have a folder, see :func:`folders_of`.
    """
    if not present or not _table(options).exists():
        return
    found = reconcile(read_participants(options.bids_dir), present)
    for line in found.message.splitlines():
        say(line)
    twins = _by_form(found.only_in_folders)
    pairs = [(label, twin) for label in found.only_in_table for twin in twins.get(_form(label), ())]
    if pairs:
        shown = ", ".join(f"{label} and {twin}" for label, twin in pairs[:10])
        say(f"perhaps the same participants, spelt differently in the table and on disk: {shown}")


def require_asked(options: RunOptions, present: Collection[str], *, needed: bool = True) -> None:
    """Check that nobody of ``--participant-label`` is lost between the participants table and the disk.

    Parameters
    ----------
    present
        Labels without ``sub-`` that have what the run starts from: a folder, or finished features.
    needed
        Whether the run cannot do without it.

    Raises
    ------
    DataError
        One is on disk but not in participants.tsv, or in it but on disk under another spelling.
    NothingSelectedError
        One is on neither side, or not on disk where it is needed.
    """
    listed = set(read_participants(options.bids_dir)[ID]) if _table(options).exists() else set(present)
    for label in options.participant_labels:
        if label in listed and (label in present or not needed):
            continue
        twins = _by_form({*listed, *present} - {label}).get(_form(label), ())
        hint = f"{_listed(twins)} there looks like the same participant; leading zeros and case count: spell both alike"
        if label not in listed and label in present:
            raise DataError(
                f"participant {label!r} is on disk but not in {_table(options)}, and would be lost",
                hint=hint if twins else "add a row for this participant",
            )
        if twins:
            where = "the participants table" if label in listed else "the command line"
            raise DataError(f"participant {label!r} of {where} is not on disk under that name", hint=hint)
        known = sorted({*listed, *present} - {label})
        raise NothingSelectedError(
            f"participant {label!r} has no input",
            hint=near_names(label, known) if len(known) < 50 else "labels are compared as text",
        )


def _table(options: RunOptions) -> Path:
    return options.bids_dir / "participants.tsv"


def _listed(labels: Iterable[str]) -> str:
    return " and ".join(map(repr, labels))


def _by_form(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for label in sorted(labels):
        found[_form(label)] = (*found.get(_form(label), ()), label)
    return found


def _form(label: str) -> str:
    """Reduce a label to what spreadsheets and people leave of it: no leading zeros, no case, no doubled prefix."""
    return label.casefold().removeprefix("sub").lstrip("0")
