"""Derivatives folders with files of any name: recognised, passed over, or refused in words; nothing leaves them."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fuzzing import fuzz, lawful
from garbage import ODD_TEXTS, TEXTS
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml.bids.candidates import rank_entities, recognise
from bidsml.bids.names import ENTITY_ORDER, build_name, order_entities, split_name
from bidsml.bids.participants import read_participants
from bidsml.bids.raw import find_raw, recognise_raw
from bidsml.bids.scans import find_scans
from bidsml.errors import BidsmlError
from bidsml.spec import RunOptions, load_analysis

LABELS = st.one_of(st.sampled_from(["01", "1", "rest", "MNI152NLin2009cAsym", "preproc", "A"]), TEXTS)
KEYS = st.sampled_from(ENTITY_ORDER) | TEXTS
NAMES = st.one_of(
    TEXTS,
    st.builds(
        lambda pairs, suffix, end: "_".join([*(f"{key}-{value}" for key, value in pairs), suffix]) + end,
        st.lists(st.tuples(KEYS, LABELS), max_size=4),
        st.sampled_from(["bold", "relmat", "timeseries", "T1w", "mask", "events", "conmat", "matrix"]) | TEXTS,
        st.sampled_from([".nii.gz", ".nii", ".tsv", ".dense.tsv", ".json", "", "."]) | TEXTS,
    ),
    # What is nearly right: one character or one pair put into a name that would be found.
    st.builds(
        lambda name, at, what: name[: int(at * len(name))] + what + name[int(at * len(name)) :],
        st.sampled_from(
            [
                "sub-01_task-rest_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz",
                "sub-01_T1w.nii.gz",
                "sub-01_task-rest_atlas-A_meas-pearsoncorrelation_relmat.tsv",
                "sub-01_task-rest_run-1_bold.nii.gz",
            ]
        ),
        st.floats(0, 1),
        ODD_TEXTS
        | st.sampled_from(["_", "-", ".", "run-1_", "run-²_", "echo-1_", "_echo-2", "_rec-a", "ses-_", "sub-02_"]),
    ),
)


@fuzz(500)
@given(name=NAMES, folder=TEXTS)
def test_names_are_taken_apart(name, folder):
    parts = lawful(lambda: split_name(name))
    assert all(
        isinstance(text, str) for text in (*parts.entities, *parts.entities.values(), parts.suffix, parts.extension)
    )
    lawful(lambda: order_entities(parts.entities))
    lawful(lambda: rank_entities(parts.entities))
    path = Path("/data") / folder / name
    lawful(lambda: recognise([path], derivative="d", root=Path("/data")))
    lawful(lambda: recognise_raw([path], root=Path("/data")))


@fuzz(500)
@example(label="..", entities={}, suffix="bold")
@example(label="01", entities={"ses": "../../x"}, suffix="bold")
@example(label="01\n", entities={}, suffix="bold")
@given(label=LABELS, entities=st.dictionaries(KEYS, LABELS, max_size=3), suffix=LABELS)
def test_a_built_name_stays_in_its_folder(label, entities, suffix):
    found = lawful(lambda: build_name(label, entities, suffix=suffix, extension=".tsv", datatype="func"))
    if not isinstance(found, BidsmlError):
        assert not found.is_absolute()
        assert ".." not in found.parts
        assert found.parts[0] == f"sub-{label}"
        assert str(found).isprintable()


SPEC = load_analysis("rest-connectome")


def _touch(folder: Path, name: str) -> None:
    """Make an empty file, where a file system takes the name."""
    if name in ("", ".", "..") or "/" in name or "\0" in name or len(os.fsencode(name)) > 250:
        return
    (folder / name).write_bytes(b"")


@pytest.fixture(scope="module")
def options(place) -> RunOptions:
    return RunOptions(place / "raw", place / "out", "participant", place / "work", derivatives={"d": place / "deriv"})


@fuzz(12)
@given(names=st.lists(NAMES, min_size=1, max_size=4), labels=st.lists(LABELS, max_size=2), folder=LABELS)
def test_folders_with_files_of_any_name(options, names: list[str], labels: list[str], folder: str) -> None:
    for root in (options.bids_dir, options.derivatives["d"]):
        shutil.rmtree(root, ignore_errors=True)
        for label in ("sub-01", f"sub-{folder}"):
            inner = root / label.replace("/", "").replace("\0", "")[:100]
            for place in (inner, inner / "func", inner / "anat"):
                place.mkdir(parents=True, exist_ok=True)
                for name in names:
                    _touch(place, name)
    (options.bids_dir / "dataset_description.json").write_text('{"Name": "a", "BIDSVersion": "1.10.0"}')
    before = sorted(path for path in options.bids_dir.parent.rglob("*"))
    asked: Any = RunOptions(**{**vars(options), "participant_labels": tuple(labels)})
    for chosen in (options, asked):
        lawful(lambda: read_participants(options.bids_dir))
        lawful(lambda o=chosen: find_scans(SPEC, o, wanted=frozenset({"bold", "timeseries", "relmat"})))
        lawful(lambda o=chosen: find_raw(SPEC, o))
    assert sorted(path for path in options.bids_dir.parent.rglob("*")) == before
