"""What a feature kind must keep to."""

import inspect
import tempfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from bidsml.bids.store import read_record, write_record
from bidsml.contract.check import Check, require, run_checks
from bidsml.contract.people import simulate_scan
from bidsml.contract.watch import watch
from bidsml.features import FeatureKind, Need
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec

BLOCK = "b"
# A ready-made matrix fixes how connectivity was measured.
_ONLY_FIRST_MEASURE = frozenset({"matrix"})


def check_feature_kind(kind: FeatureKind) -> list[Check]:
    """Run all checks of a kind: how it describes itself, then every measure from every part it can work from."""
    done = check_description(kind)
    for measure, need in list_cases(kind):
        done += check_extraction(kind, measure=measure, need=need)
    return done


def list_cases(kind: FeatureKind) -> list[tuple[str, str]]:
    """List the pairs of a measure and a part to make it from that a kind offers."""
    return [
        (measure, need)
        for measure in kind.measures
        for need in sorted(kind.needs)
        if measure == kind.measures[0] or need not in _ONLY_FIRST_MEASURE
    ]


def check_description(kind: FeatureKind) -> list[Check]:
    """Check what a kind says of itself."""

    def summary() -> str:
        require(kind.summary.strip() and "\n" not in kind.summary, "FeatureKind.summary must be one line of text")
        return kind.summary

    def docstring() -> str:
        text = inspect.getdoc(kind.find_function())
        require(text, f"the function of {kind.name} has no docstring")
        return str(text).splitlines()[0]

    def units() -> str:
        require(
            len(kind.units) == len(kind.measures) and all(kind.units),
            f"FeatureKind.units must name one unit per measure ({len(kind.measures)}); '1' where there is none; "
            f"it has {kind.units!r}",
        )
        return ", ".join(f"{measure} in {unit}" for measure, unit in zip(kind.measures, kind.units, strict=True))

    def needs() -> str:
        known = get_args(Need)
        unknown = sorted(kind.needs - set(known))
        require(kind.needs and not unknown, f"needs must name parts of ScanData ({', '.join(known)}); found {unknown}")
        return "any of " + ", ".join(sorted(kind.needs))

    def keys() -> str:
        unknown = sorted(kind.keys - set(FeatureSpec.model_fields))
        require(not unknown, f"[[features]] has no keys {unknown}: what a kind takes of its own goes into options")
        return ", ".join(sorted(kind.keys)) or "none"

    def options() -> str:
        if kind.settings is None:
            return "takes none"
        complaint = kind.complain(FeatureSpec(kind=kind.name))
        require(not complaint, f"without options: {complaint}")
        told = {name: field.description for name, field in kind.settings.model_fields.items()}
        silent = [name for name, words in told.items() if not words]
        require(not silent, f"options without a description: {silent}")
        refused = kind.complain(FeatureSpec(kind=kind.name, options={"no_such_option": 1}))
        require(refused, "an unknown option is let through: give the model extra='forbid'")
        return ", ".join(told)

    checks = {"summary": summary, "docstring": docstring, "units": units, "needs": needs}
    return run_checks({**checks, "keys": keys, "options": options})


def check_extraction(kind: FeatureKind, *, measure: str, need: str) -> list[Check]:
    """Check one measure on simulated people, from one part that the kind can work from."""
    case = _Case(kind, measure, need)
    checks = {
        "gives a feature vector": case.gives_a_vector,
        "NaN exactly where something is missing": case.marks_what_is_missing,
        "same names for everyone": case.names_are_shared,
        "deterministic": case.repeats_itself,
        "no look at other people": case.sees_one_person,
        "another person, other values": case.depends_on_the_person,
        "leaves its input as it is": case.changes_nothing,
        "touches nothing else": case.touches_nothing_else,
        "a record without pickle": case.is_a_record,
    }
    return run_checks(checks, of=f"{measure} from {need}")


class _Case:
    """One measure, from one part."""

    def __init__(self, kind: FeatureKind, measure: str, need: str) -> None:
        self.kind, self.need = kind, need
        self.options = FeatureSpec(kind=kind.name, measure=measure)

    def extract(self, person: int, data: ScanData | None = None) -> FeatureVector:
        given = simulate_scan(self.need, person=person) if data is None else data
        return self.kind.extract(given, block=BLOCK, options=self.options)

    def gives_a_vector(self) -> str:
        vector = self.extract(0)
        require(isinstance(vector, FeatureVector), f"expected a FeatureVector, found {type(vector).__name__}")
        named = (vector.block, vector.kind, vector.measure)
        expected = (BLOCK, self.kind.name, self.options.measure)
        require(named == expected, f"block, kind and measure must be {expected}; they are {named}")
        values = vector.values
        require(
            isinstance(values, np.ndarray) and values.dtype == np.float64, "values must be a float64 array of NumPy"
        )
        shape = (len(vector.names),)
        require(values.shape == shape, f"values are {values.shape}, and there are {shape[0]} names")
        require(vector.names, "there is no feature")
        require(len(set(vector.names)) == len(vector.names), "two features have one name")
        return f"{len(vector.names)} features, layout {vector.layout}"

    def marks_what_is_missing(self) -> str:
        vector = self.extract(0)
        require(not np.isinf(vector.values).any(), "a value is infinite: give NaN, and the reason in missing")
        lost = set(vector.missing)
        gone = np.array([bool(lost & {name, *name.split("--")}) for name in vector.names])
        require(gone.any(), "something is missing in the input, and FeatureVector.missing doesn't say so")
        wrong = np.flatnonzero(np.isnan(vector.values) != gone)
        names = [vector.names[index] for index in wrong[:3]]
        require(not wrong.size, f"NaN and FeatureVector.missing don't agree, as in {', '.join(names)}")
        require(all(vector.missing.values()), "FeatureVector.missing must give a reason for each name")
        return f"{int(gone.sum())} of {gone.size} are NaN, with a reason"

    def names_are_shared(self) -> str:
        first, second = self.extract(0), self.extract(1)
        require(
            first.names == second.names and first.nodes == second.nodes,
            f"another person's features have other names: {sorted(set(first.names) ^ set(second.names))[:4]}",
        )
        return "whatever is missing, and however long the scan"

    def repeats_itself(self) -> str:
        first, second = self.extract(0), self.extract(0)
        require(np.array_equal(first.values, second.values, equal_nan=True), "the same person twice gives other values")
        return "bit by bit"

    def sees_one_person(self) -> str:
        alone = self.extract(0)
        self.extract(1)
        after = self.extract(0)
        require(
            np.array_equal(alone.values, after.values, equal_nan=True),
            "the values change once another person was measured: what is fitted over people belongs to learning",
        )
        return "same values before and after another person"

    def depends_on_the_person(self) -> str:
        first, second = self.extract(0).values, self.extract(1).values
        shared = np.isfinite(first) & np.isfinite(second)
        require(not np.array_equal(first[shared], second[shared]), "two people with other data have the same values")
        return "two people differ"

    def changes_nothing(self) -> str:
        data, before = simulate_scan(self.need, person=0), simulate_scan(self.need, person=0)
        self.extract(0, data)
        for field in fields(data):
            require(_same(getattr(data, field.name), getattr(before, field.name)), f"ScanData.{field.name} was changed")
        return "every part of ScanData"

    def touches_nothing_else(self) -> str:
        self.extract(0)  # Whatever is imported at the first call is not looked at.
        with watch() as found:
            self.extract(0)
        require(not found, "; ".join(found[:3]))
        return "no other file, program, network or pickle"

    def is_a_record(self) -> str:
        vector = self.extract(0)
        with tempfile.TemporaryDirectory() as folder:
            again = read_record(FeatureVector, write_record(Path(folder) / "features.npz", vector))
        require(np.array_equal(vector.values, again.values, equal_nan=True), "values differ after writing and reading")
        require(vector.names == again.names and dict(vector.missing) == dict(again.missing), "names or missing differ")
        return "written and read again"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, np.ndarray | float):
        return bool(np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f"))
    if is_dataclass(one):
        return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return bool(one == other)
