"""What can fail in seconds, fails before anything is written."""

import pytest

from bidsml.app.check import check_atlases, check_folders, check_names, free_gb, scan_kinds
from bidsml.errors import AnalysisFileError, BidsmlError, MissingInputError, OutputError, UsageError
from bidsml.spec import RunOptions, load_analysis


@pytest.fixture
def options(tmp_path):
    (tmp_path / "in" / "derivatives").mkdir(parents=True)

    def make(output="out", work="work", **more) -> RunOptions:
        return RunOptions(tmp_path / "in", tmp_path / output, "participant", tmp_path / work, **more)

    return make


def analysis(*overrides: str):
    return load_analysis("demo", overrides=overrides)


@pytest.mark.parametrize("kind", ["auto", "bold", "timeseries", "relmat"])
@pytest.mark.parametrize(
    ("features", "usable"),
    [
        ('{kind = "connectome"}', {"bold", "timeseries", "relmat"}),
        ('{kind = "amplitude"}', {"bold"}),
        ('{kind = "connectome"}, {kind = "amplitude"}', {"bold"}),
        ('{kind = "table", file = "a.tsv"}', set()),
        ('{kind = "connectome"}, {kind = "table", file = "a.tsv"}', {"bold", "timeseries", "relmat"}),
    ],
)
def test_scan_kinds_serve_every_block(features, usable, kind):
    spec = analysis(f"features=[{features}]", f"input.kind={kind}")
    assert scan_kinds(spec) == (usable if kind == "auto" else usable & {kind})


def test_good_folders_pass(options):
    check_folders(options())
    check_folders(options(output="in/derivatives/bidsml", work="in/derivatives/work"))


@pytest.mark.parametrize(
    ("folders", "kind"),
    [
        ({"output": "in"}, UsageError),
        ({"work": "in"}, UsageError),
        ({"work": "in/work"}, UsageError),
        ({"output": "in/../in"}, UsageError),
    ],
)
def test_the_input_is_never_written(options, folders, kind):
    with pytest.raises(kind):
        check_folders(options(**folders))


def test_a_link_to_the_input_is_the_input(options, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(UsageError, match="output folder is the input"):
        check_folders(options(output="link"))


def test_missing_folders(options, tmp_path):
    with pytest.raises(MissingInputError, match="--derivatives xcpd"):
        check_folders(options(derivatives={"xcpd": tmp_path / "none"}))
    (tmp_path / "in" / "derivatives").rmdir()
    (tmp_path / "in").rmdir()
    with pytest.raises(MissingInputError, match="BIDS folder"):
        check_folders(options())


def test_a_folder_below_a_file_cannot_be_made(options, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        check_folders(options(output="file/out"))


def test_another_tools_output_is_left_alone(options, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    with pytest.raises(OutputError, match="fMRIPrep"):
        check_folders(options())


@pytest.mark.parametrize(
    "override",
    [
        "features.0.kind=connectom",
        "features.0.measure=corelation",
        "denoise.strategy=37p",
        "estimators.0.kind=rigde",
        "inference.primary_metric=auc",
    ],
)
def test_unknown_names_get_near_ones(override):
    with pytest.raises(BidsmlError) as caught:
        check_names(analysis(override))
    assert "did you mean" in str(caught.value) or "known" in str(caught.value) or "roc_auc" in str(caught.value)


def test_bold_needs_an_atlas_and_a_matrix_brings_its_own(options):
    spec = analysis('features=[{kind = "connectome"}]')
    with pytest.raises(AnalysisFileError, match="has no atlas"):
        check_atlases(spec, options(), "bold")
    check_atlases(spec, options(), "relmat")
    with pytest.raises(BidsmlError, match="power2012"):
        check_atlases(analysis("features.0.atlas=power2012"), options(), "bold")


def test_free_space_of_a_folder_that_is_not_there_yet(tmp_path):
    assert free_gb(tmp_path / "a" / "b") == pytest.approx(free_gb(tmp_path), rel=0.1)
