"""Confound strategies on real tables of several fMRIPrep versions."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds_strategy

from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.preproc.confounds import STRATEGIES, framewise_displacement, load_confounds
from bidsml.records import Scan
from bidsml.spec import DenoiseSpec

OLD = "nilearn/test_desc-confounds_regressors.tsv"
NEW = "nilearn/test-v21_desc-confounds_timeseries.tsv"
LONG = "aomic/sub-0001_task-anticipation_acq-seq_desc-confounds_regressors.tsv"

COUNTS = {"none": 0, "6p": 6, "24p": 24, "9p": 9, "36p": 36, "acompcor": 22, "acompcor+gsr": 23}


@pytest.fixture
def scan_with(shared_data: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Scan]:
    """A scan whose confounds are a real table, under a name that nilearn would not find by itself."""

    def make(name: str) -> Scan:
        source = shared_data("fmriprep_confounds") / name
        path = tmp_path / "tsv" / "motion.tsv"  # 'tsv' in the path misleads nilearn's search for the JSON
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, path)
        if source.with_suffix(".json").exists():
            shutil.copyfile(source.with_suffix(".json"), path.with_suffix(".json"))
        return Scan(participant_id="1", kind="bold", path=tmp_path / "bold.nii.gz", confounds=path)

    return make


@pytest.mark.parametrize("strategy", sorted(COUNTS))
@pytest.mark.parametrize("table", [OLD, NEW])
def test_strategies_choose_so_many_columns(scan_with: Callable[[str], Scan], table: str, strategy: str) -> None:
    found = load_confounds(scan_with(table), DenoiseSpec(strategy=strategy))
    # fMRIPrep keeps the components up to half of the variance: 3 and 4 in the newer table.
    short = 3 if table == NEW and strategy.startswith("acompcor") else 0
    assert len(found.columns) == COUNTS[strategy] - short == found.table.shape[1]
    assert len(set(found.columns)) == len(found.columns)
    assert np.isfinite(found.table.to_numpy()).all()
    assert len(found.table) == len(found.fd_mm) == len(found.non_steady) == 30


def test_every_strategy_is_covered() -> None:
    assert set(STRATEGIES) == {*COUNTS, "aroma"}
    assert all("doi" in s.reference for name, s in STRATEGIES.items() if name != "none")


def test_aroma_takes_the_noise_components(scan_with: Callable[[str], Scan]) -> None:
    found = load_confounds(scan_with(OLD), DenoiseSpec(strategy="aroma"))
    assert {c for c in found.columns if not c.startswith("aroma_motion")} == {"csf", "white_matter"}
    assert len(found.columns) > 10
    with pytest.raises(DataError, match="aroma"):  # fMRIPrep 21 no longer makes them
        load_confounds(scan_with(NEW), DenoiseSpec(strategy="aroma"))


def test_36p_equals_nilearn_on_the_file_itself(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    source = shared_data("fmriprep_confounds") / NEW
    table = tmp_path / "sub-1_desc-confounds_timeseries.tsv"
    shutil.copyfile(source, table)
    image = tmp_path / "sub-1_desc-preproc_bold.nii.gz"
    theirs, _ = load_confounds_strategy(
        str(image), "scrubbing", motion="full", wm_csf="full", global_signal="full", demean=False, fd_threshold=1e6
    )
    ours = load_confounds(Scan(participant_id="1", kind="bold", path=image, confounds=table), DenoiseSpec())
    np.testing.assert_allclose(ours.table, theirs[list(ours.columns)], rtol=1e-12)


def test_filter_replaces_cosines(scan_with: Callable[[str], Scan]) -> None:
    scan = scan_with(OLD)
    filtered = load_confounds(scan, DenoiseSpec(strategy="acompcor"))
    unfiltered = load_confounds(scan, DenoiseSpec(strategy="acompcor", high_pass_hz=0.0))
    assert set(unfiltered.columns) - set(filtered.columns) == {"cosine00", "cosine01", "cosine02", "cosine03"}


def test_columns_by_name(scan_with: Callable[[str], Scan]) -> None:
    scan = scan_with(NEW)
    found = load_confounds(scan, DenoiseSpec(columns=("csf", "trans_x_derivative1", "cosine00")))
    assert found.columns == ("csf", "trans_x_derivative1", "cosine00")
    with pytest.raises(DataError, match="white_mater") as caught:
        load_confounds(scan, DenoiseSpec(columns=("white_mater",)))
    assert "white_matter" in caught.value.hint


def test_steady_state_marks(scan_with: Callable[[str], Scan]) -> None:
    found = load_confounds(scan_with(NEW), DenoiseSpec(strategy="6p"))
    assert np.flatnonzero(found.non_steady).tolist() == [0, 1, 2]


def test_displacement_from_motion_parameters_is_fmriprep_s(shared_data: Callable[[str], Path]) -> None:
    """The real full run: what is computed from the six parameters equals the column of the table."""
    table = pd.read_csv(shared_data("fmriprep_confounds") / LONG, sep="\t", na_values="n/a")
    given, silent = framewise_displacement(table)
    computed, notes = framewise_displacement(table.drop(columns="framewise_displacement"))
    np.testing.assert_allclose(computed[1:], given[1:], atol=1e-6)
    assert np.isnan(computed[0])
    assert silent == ()
    assert "Power" in notes[0]


def write(tmp_path: Path, text: bytes) -> Scan:
    path = tmp_path / "x_desc-confounds_timeseries.tsv"
    path.write_bytes(text)
    return Scan(participant_id="1", kind="bold", path=tmp_path / "bold.nii.gz", confounds=path)


def test_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    found = load_confounds(write(tmp_path, "\ufeffa\tb\n1\tn/a\n2\t3\n".encode()), DenoiseSpec(columns=("a", "b")))
    assert found.table.to_numpy().tolist() == [[1.0, 3.0], [2.0, 3.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a\n1\nn/a\n3\n", ":3"),
        (b"a\n1\ninf\n3\n", "finite"),
        (b"a\n1\nx\n3\n", "text in column 'a'"),
        (b"a\n", "no rows"),
        (b"", "readable"),
        ("a\tpr\xe9\n1\t2\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_unusable_tables_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_confounds(write(tmp_path, text), DenoiseSpec(columns=("a",)))


def test_no_table(tmp_path: Path) -> None:
    scan = Scan(participant_id="1", kind="bold", path=tmp_path / "bold.nii.gz")
    with pytest.raises(MissingInputError, match="no confounds table"):
        load_confounds(scan, DenoiseSpec())
    assert "not known" in load_confounds(scan, DenoiseSpec(strategy="none")).warnings[0]


def test_unknown_strategy_offers_near_names(tmp_path: Path) -> None:
    scan = Scan(participant_id="1", kind="bold", path=tmp_path / "bold.nii.gz")
    with pytest.raises(AnalysisFileError) as caught:
        load_confounds(scan, DenoiseSpec(strategy="acompcorr"))
    assert "'acompcor'" in caught.value.hint
