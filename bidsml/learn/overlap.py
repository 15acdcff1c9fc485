"""Tell whether someone was trained on, from salted hashes alone."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bidsml.errors import DataError
from bidsml.records import Cohort, FloatArray, TrainingPeople

_SHOWN = 10
_DIGITS = 4
# Vectors with fewer non-integer values may coincide by chance: two people of one age and sex.
_MIN_DISTINCTIVE = 10


def describe_people(cohort: Cohort, values: FloatArray, *, salt: str, dataset: str) -> TrainingPeople:
    """Hash who is trained on.

    A label says who it is only within its dataset, where ``01`` is one person; other datasets have a ``01`` of their
    own. A salt keeps ready-made tables of hashes out; whoever tries labels one by one can still test a guess.

    Parameters
    ----------
    values
        Features as they are before any preparation, ``(n, n_features)``, row for row with the cohort.
    """
    names = cohort.classes or ("all",)
    codes = cohort.target.astype(int) if cohort.classes else np.zeros(len(cohort.target), dtype=int)
    counts = np.bincount(codes, minlength=len(names))
    labels = cohort.participant_id
    return TrainingPeople(
        counts={name: int(count) for name, count in zip(names, counts, strict=True)},
        salt=salt,
        in_dataset=_sorted(_hash(salt, "person", dataset, label) for label in labels),
        labels=_sorted(_hash(salt, "label", label) for label in labels),
        vectors=_sorted(_hash_vectors(salt, values)),
    )


@dataclass(frozen=True)
class Overlap:
    """Labels of people whom a model has seen: by name, by their features, or only perhaps (the label alone)."""

    same_person: tuple[str, ...]
    same_features: tuple[str, ...]
    same_label: tuple[str, ...]


def find_overlap(people: TrainingPeople, labels: Sequence[str], values: FloatArray, *, dataset: str) -> Overlap:
    """Compare newcomers with the people that a model was trained on.

    Parameters
    ----------
    values
        Features as they are, ``(n, n_features)``.
    """
    person, label_only, vector = set(people.in_dataset), set(people.labels), set(people.vectors)
    same_person = tuple(one for one in labels if _hash(people.salt, "person", dataset, one) in person)
    hashes = _hash_vectors(people.salt, values)
    same_features = tuple(one for one, found in zip(labels, hashes, strict=True) if found and found in vector)
    known = {*same_person, *same_features}
    same_label = tuple(o for o in labels if o not in known and _hash(people.salt, "label", o) in label_only)
    return Overlap(same_person, same_features, same_label)


def refuse_overlap(found: Overlap) -> None:
    """Raise where a model would be judged on people that it was trained on.

    Raises
    ------
    DataError
        Names them.
    """
    seen = sorted({*found.same_person, *found.same_features})
    if not seen:
        return
    renamed = [label for label in found.same_features if label not in found.same_person]
    other = f"; {_some(renamed)} by their features, under another name" if renamed else ""
    raise DataError(
        f"the model was trained on {len(seen)} of these participants: {_some(seen)}{other}",
        hint="apply it to people it has not seen: choose them with --participant-label, or cohort.include",
    )


def _some(labels: Sequence[str]) -> str:
    rest = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(f"sub-{label}" for label in labels[:_SHOWN]) + rest


def _sorted(hashes: Iterable[str]) -> tuple[str, ...]:
    # In sorted order: the order of the rows would tell the label of whoever is known.
    return tuple(sorted({one for one in hashes if one}))


def _hash(salt: str, *parts: str) -> str:
    return hashlib.sha256("\0".join((salt, *parts)).encode()).hexdigest()


def _hash_vectors(salt: str, values: FloatArray) -> list[str]:
    """Hash each row to four significant digits; empty where a row has too little to tell people apart."""
    telling = (np.isfinite(values) & (values != np.round(values))).sum(axis=1) >= _MIN_DISTINCTIVE
    return [
        hashlib.sha256(f"{salt}\0vector\0".encode() + round_digits(row).tobytes()).hexdigest() if tells else ""
        for row, tells in zip(values, telling, strict=True)
    ]


def round_digits(row: FloatArray) -> np.ndarray:
    """Round to four significant digits: mantissa and exponent as integers, ``(2, n)``.

    Another machine's last bits thus don't matter, whatever a feature's unit.
    """
    known = np.isfinite(row) & (row != 0)
    size = np.where(known, np.abs(row), 1.0)
    exponent = np.floor(np.log10(size))
    mantissa = np.rint(size / 10.0 ** (exponent - (_DIGITS - 1)))
    carried = mantissa >= 10**_DIGITS  # 9.9996 is 10.00
    mantissa, exponent = np.where(carried, mantissa / 10, mantissa), exponent + carried
    missing = np.where(np.isfinite(row), 0.0, -1.0)
    rounded = np.where(known, [np.sign(row) * mantissa, exponent], [missing, missing])
    return rounded.astype("<i8")
