import pytest

from bidsml.bids.candidates import same_name
from bidsml.bids.scans import find_scans
from bidsml.errors import NothingSelectedError

ALL = frozenset({"bold", "timeseries", "relmat"})


@pytest.mark.parametrize(
    ("name", "kind", "measure"),
    [
        ("func/{s}_task-rest_space-S_atlas-A_timeseries.tsv", "timeseries", ""),
        ("func/{s}_task-rest_space-S_atlas-A_meas-tangent_relmat.dense.tsv", "relmat", "tangent"),
        ("func/{s}_task-rest_space-S_seg-A_stat-mean_timeseries.tsv", "timeseries", ""),
        ("func/{s}_task-rest_space-S_seg-A_stat-pearsoncorrelation_relmat.tsv", "relmat", "pearsoncorrelation"),
        ("func/{s}_task-rest_space-S_atlas-A_measure-pearsoncorrelation_conmat.tsv", "relmat", "pearsoncorrelation"),
        ("func/{s}_task-rest_seg-A_meas-PearsonCorrelation_desc-denoiseX_relmat.tsv", "relmat", "pearsoncorrelation"),
        ("func/{s}_task-rest_seg-A_desc-denoiseX_timeseries.tsv", "timeseries", ""),
        ("func/task-rest/{s}_task-rest_feature-F_atlas-A_timeseries.tsv", "timeseries", ""),
        ("func/task-rest/{s}_task-rest_feature-F_atlas-A_desc-correlation_matrix.tsv", "relmat", "pearsoncorrelation"),
    ],
)
def test_dialects(dataset, make_spec, name, kind, measure):
    dataset.add_relmats(name=name)
    found = find_scans(make_spec(atlas="a"), dataset.options(), wanted=ALL)
    assert (found.kind, set(found.by_participant)) == (kind, {"01", "02"})
    assert found.by_participant["01"][0].measure == measure
    assert found.matched[0].startswith(f"{kind}: 2 scans of 2 participants in ready (task rest")


@pytest.mark.parametrize(
    "name",
    [
        "func/{s}_task-rest_desc-confounds_timeseries.tsv",
        "func/{s}_task-rest_seg-A_stat-coverage_bold.tsv",
        "func/{s}_task-rest_desc-correlation_matrix.tsv",
        "func/{s}_task-rest_atlas-A_desc-covariance_matrix.tsv",
        "func/{s}_task-rest_bold.nii.gz",
        "anat/{s}_task-rest_atlas-A_timeseries.tsv",
    ],
)
def test_files_that_are_no_scans(dataset, make_spec, name):
    dataset.add_relmats(name=name)
    with pytest.raises(NothingSelectedError, match="no bold or timeseries or relmat file in ready"):
        find_scans(make_spec(), dataset.options(), wanted=ALL)


def test_names_of_atlases_and_measures():
    assert same_name("Harvard-Oxford", "harvardoxford")
    assert same_name("PearsonCorrelation", "correlation")
    assert not same_name("partialcorrelation", "correlation")
    assert not same_name("schaefer100", "schaefer200")
