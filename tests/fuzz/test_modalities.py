"""Files of other modalities altered at random: FreeSurfer's and MRIQC's tables, questionnaires, free text, maps."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from fuzzing import fuzz, lawful, lawful_file, write_file
from garbage import NUMBERS, ODD_TEXTS, TEXTS, damaged_bytes, values
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml.atlases import load_atlas
from bidsml.bids.encoding import _encode
from bidsml.bids.items import read_items, read_texts
from bidsml.bids.mriqc import _rows_by_participant, find_metrics, read_metrics
from bidsml.bids.recon import read_recon
from bidsml.bids.search import Search
from bidsml.bids.tableformats import _load
from bidsml.errors import BidsmlError
from bidsml.features.questionnaire import extract_questionnaire
from bidsml.features.text import count_tokens
from bidsml.preproc.scalars import average_map
from bidsml.records import Scan, ScanData
from bidsml.spec import FeatureSpec

SHARE = st.floats(0, 1, exclude_max=True)
WORDS = (
    TEXTS | NUMBERS.map(str) | st.sampled_from(["n/a", "nan", "-inf", "1e400", "9" * 5000, "0x1f", "1,5", "+1", "--"])
)


@pytest.fixture(scope="module")
def write(place):
    def write_anew(content: bytes, name: str) -> Path:
        # Kept by size and time; here one name has many contents at a time.
        for cached in (_load, _encode, _rows_by_participant):
            cached.cache_clear()
        return write_file(place / name, content)

    return write_anew


def _word_changed(content: bytes, share: float, word: str) -> bytes:
    words = content.split(b" ")
    words[int(len(words) * share)] = word.encode("utf-8", "replace")
    return b" ".join(words)


# ------------------------------------------------------------------ FreeSurfer

APARC = b"""# Title FreeSurfer cortical parcellation anatomical statistics
# Measure Cortex, NumVert, Number of Vertices, 200, unitless
# Measure Cortex, WhiteSurfArea, White Surface Total Area, 82121.3, mm^2
# NTableCols 10
# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd
bankssts 100 700 1800 2.5 0.4 0.1 0.02 10 1
cuneus 100 900 2100 1.9 0.5 0.1 0.03 20 2
"""
ASEG = b"""# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, 1449541.0, mm^3
# NRows 2
# ColHeaders Index SegId NVoxels Volume_mm3 StructName normMean
 1 10 7281 7281.0 Left-Thalamus-Proper 26.4
 2 17 273 273.0 Left-Hippocampus 35.3
"""


MEASURES = ["thickness", "area", "volume_of_etiv", "subcortical", "subcortical_of_etiv"]
_RECON = {"lh.aparc.stats": APARC, "rh.aparc.stats": APARC, "aseg.stats": ASEG}


@pytest.fixture(scope="module")
def recon(write):
    """Read what FreeSurfer measured, with one table in place of another."""

    def read(table: str, content: bytes, measure: str) -> Any:
        paths = {name: write(whole, f"stats/{name}") for name, whole in (_RECON | {table: content}).items()}
        cortex = [paths["lh.aparc.stats"], paths["rh.aparc.stats"]]
        files = [paths["aseg.stats"]] if measure.startswith("sub") else [*cortex, paths["aseg.stats"]]
        scan = Scan("01", "freesurfer", files[0], "freesurfer", sidecars=tuple(files[1:]))
        found = lawful(lambda: read_recon(scan, FeatureSpec(kind="freesurfer", measure=measure)))
        if isinstance(found, BidsmlError):
            assert ".stats" in found.message
        else:
            _are_numbers(*found)
        return found

    return read


@fuzz(60)
@given(data=st.data(), table=st.sampled_from(["lh.aparc.stats", "aseg.stats"]), measure=st.sampled_from(MEASURES))
def test_statistics_of_freesurfer(recon, data, table, measure):
    change = damaged_bytes(st.just(_RECON[table])) | st.builds(_word_changed, st.just(_RECON[table]), SHARE, WORDS)
    recon(table, data.draw(change), measure)


@pytest.mark.parametrize("word", ["inf", "-inf", "1e400", "1_000", "nan"])
def test_numbers_of_freesurfer_that_are_none(recon, word):
    for table, number, measure in (("lh.aparc.stats", b"2.5", "thickness"), ("lh.aparc.stats", b"100", "thickness"),
                                   ("aseg.stats", b"273.0", "subcortical"),
                                   ("aseg.stats", b"1449541.0", "volume_of_etiv")):  # fmt: skip
        found = recon(table, _RECON[table].replace(number, word.encode()), measure)
        assert word == "nan" or isinstance(found, BidsmlError)


def _are_numbers(found: Any, missing: Any) -> None:
    """Numbers, or NaN with a reason."""
    assert not any(np.isinf(value) for value in found.values())
    assert {name for name, value in found.items() if np.isnan(value)} <= set(missing)
    assert all(isinstance(name, str) for name in found)


# ------------------------------------------------------------------ MRIQC

METRICS = {"cjv": 0.4, "snr_total": 10.5, "size_x": 192, "fwhm_avg": 3.5, "bids_meta": {"a": 1}, "provenance": {}}
GROUP = b"bids_name\tcjv\tsnr\nsub-01_ses-1_T1w\t0.4\t10.5\nsub-02_T1w\t0.5\tn/a\n"


@fuzz(60)
@given(
    content=st.dictionaries(st.sampled_from(sorted(METRICS)) | TEXTS, values(), max_size=4).map(
        lambda one: json.dumps(METRICS | one).encode()
    )
    | damaged_bytes(st.just(json.dumps(METRICS).encode())),
    columns=st.sampled_from([(), ("*",), ("cjv",), ("size_*",), ("[", "cjv")]),
)
@example(content=b'{"cjv": 1' + b"0" * 400 + b"}", columns=())
@example(content=b'{"cjv": NaN}', columns=("*",))
def test_metrics_of_mriqc(write, content, columns):
    path = write(content, "mriqc/sub-01/anat/sub-01_T1w.json")
    feature = FeatureSpec(kind="image_quality", columns=columns)
    found = lawful_file(lambda file: read_metrics(Scan("01", "mriqc", file, "mriqc"), feature), path)
    if not isinstance(found, BidsmlError):
        _are_numbers(*found)


@fuzz(60)
@given(content=damaged_bytes(st.just(GROUP)))
def test_a_group_table_of_mriqc(write, place, content):
    path = write(content, "mriqc-group/group_T1w.tsv")
    feature = FeatureSpec(kind="image_quality")
    search = Search(place, {"mriqc": path.parent})
    scans = lawful(lambda: find_metrics(feature, "01", search))
    for scan in () if isinstance(scans, BidsmlError) else scans:
        found = lawful_file(lambda _, s=scan: read_metrics(s, feature), path)
        if not isinstance(found, BidsmlError):
            _are_numbers(*found)


# ------------------------------------------------------------------ questionnaires and free text

ANSWERS = b"participant_id\tq1\tq2\tq3\tnotes\n01\t1\t2\tn/a\tfine\n02\t4\t3\t1\tso so\n"
DICTIONARY = {
    "q1": {"Description": "x", "Levels": {"1": "never", "2": "often", "4": "always"}},
    "q2": {"MinValue": 1, "MaxValue": 4},
    "q3": {"Minimum": "1", "Maximum": "4", "Derivative": False},
}
ENTRIES = st.one_of(
    values(),
    st.fixed_dictionaries({"Levels": values()}),
    st.fixed_dictionaries({"MinValue": values(), "MaxValue": values()}),
    st.fixed_dictionaries({"Derivative": values()}),
    st.dictionaries(WORDS, TEXTS, max_size=3).map(lambda one: {"Levels": one}),
)


@fuzz(60)
@given(
    dictionary=st.dictionaries(st.sampled_from(["q1", "q2", "q3", "*"]) | TEXTS, ENTRIES, max_size=3).map(
        lambda one: json.dumps(DICTIONARY | one).encode()
    )
    | damaged_bytes(st.just(json.dumps(DICTIONARY).encode())),
    table=st.just(ANSWERS) | damaged_bytes(st.just(ANSWERS)),
    options=st.sampled_from(
        [{}, {"reverse": ("q*",)}, {"subscales": {"a": ("q1", "q3")}, "indicators": True}, {"columns": ("q[", "q1")}]
    ),
)
@example(dictionary=b'{"q1":' * 30_000, table=ANSWERS, options={})
@example(dictionary=b'{"q1": {"MinValue": -1e308, "MaxValue": 1e308}}', table=ANSWERS, options={"reverse": ("q1",)})
@example(dictionary=b'{"q1": {"Levels": {"1": "a", "1e400": "b"}}}', table=ANSWERS, options={"reverse": ("q1",)})
def test_questionnaires(write, place, dictionary, table, options):
    path = write(table, "phenotype/q.tsv")
    write(dictionary, "phenotype/q.json")
    feature = FeatureSpec(kind="questionnaire", file="phenotype/q.tsv", **options)
    found = lawful(lambda: read_items(feature, "01", bids_dir=place, derivatives={}), size=len(dictionary))
    if isinstance(found, BidsmlError):
        assert path.stem in found.message
        return
    assert not any(np.isinf(value) for value in found.values.values())
    data = SimpleNamespace(table=found.values, ranges=found.ranges, missing={})
    vector = lawful(lambda: extract_questionnaire(data, block="a", options=feature))
    assert isinstance(vector, BidsmlError) or not np.isinf(vector.values).any()


BIDI = "\u202etxt.exe\u2066\u2069\u200f"


@fuzz(35)
@given(
    cell=st.lists(ODD_TEXTS | st.text(max_size=20), max_size=4).map(" ".join),
    measure=st.sampled_from(["words", "characters"]),
    ngram=st.sampled_from([None, 1, 8]),
)
@example(cell="a " * 5_000_000, measure="words", ngram=1)
@example(cell="x" * 10_000_000, measure="words", ngram=1)
@example(cell="é" * 1_000_000 + BIDI, measure="words", ngram=8)
@example(cell=BIDI + "\ufeff\x1b[2J\x07", measure="characters", ngram=None)
def test_free_text(write, place, cell, measure, ngram):
    plain = " ".join(cell.replace('"', "").split())
    path = write(b"participant_id\tnotes\n01\t" + plain.encode("utf-8", "replace") + b"\n02\tword\n", "phenotype/t.tsv")
    feature = FeatureSpec(kind="text", file="phenotype/t.tsv", columns=("notes",), measure=measure, ngram=ngram)
    size = path.stat().st_size
    found = lawful(lambda: read_texts(feature, "01", bids_dir=place, derivatives={}), size=size)
    if isinstance(found, BidsmlError):
        assert path.name in found.message
        assert len(found.message) < 2000
        return
    counts = lawful(lambda: count_tokens(found, feature), size=size)
    assert len(counts) == 4096
    assert not any(np.isinf(count) for count in counts.values())


# ------------------------------------------------------------------ scalar maps


@pytest.fixture(scope="module")
def atlas(place):
    numbers = np.zeros((4, 4, 4), dtype=np.int16)
    numbers[:2], numbers[2:] = 1, 2
    path = place / "atlas-x_dseg.nii"
    nib.save(nib.Nifti1Image(numbers, np.diag([40.0, 40, 40, 1])), path)
    path.with_suffix(".tsv").write_text("index\tname\n1\tone\n2\ttwo\n")
    return load_atlas(str(path))


WHOLE_MAP = nib.Nifti1Image(
    np.random.default_rng(0).random((4, 4, 4), np.float32), np.diag([40.0, 40, 40, 1])
).to_bytes()


@fuzz(60)
@given(
    place_of=SHARE,
    mask=st.integers(1, 255),
    more=st.lists(st.tuples(SHARE, st.integers(1, 255)), max_size=3),
    kept=st.just(1.0) | st.floats(0, 1),
)
def test_scalar_maps(write, atlas, place_of, mask, more, kept):
    content = bytearray(WHOLE_MAP)
    # The first hit is in the header.
    for share, bits in [(place_of * 0.55, mask), *more]:
        content[int(share * len(content))] ^= bits
    path = write(bytes(content[: int(kept * len(content))]), "sub-01_space-MNI_dwimap.nii")
    scan = Scan("01", "dwimap", path, "qsirecon")
    found = lawful_file(lambda _: average_map(scan, atlas), path)
    if not isinstance(found, BidsmlError):
        assert not np.isinf(found.means).any()
        assert {name for name, mean in zip(found.names, found.means, strict=True) if np.isnan(mean)} <= set(
            found.missing
        )
        ScanData(scan, regions=found.names, maps={"fa": found.means}, missing=found.missing)


def test_a_map_that_lies_elsewhere(write, atlas):
    """nilearn's own error, of a field of view without any of the atlas, was a traceback; of BOLD too."""
    far = np.diag([40.0, 40, 40, 1])
    far[:3, 3] = 1e5
    path = write(nib.Nifti1Image(np.ones((4, 4, 4), np.float32), far).to_bytes(), "sub-01_dwimap.nii")
    found = lawful_file(lambda file: average_map(Scan("01", "dwimap", file, "qsirecon"), atlas), path)
    assert isinstance(found, BidsmlError)
    assert "field of view" in found.message
