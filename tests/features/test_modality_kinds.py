"""Kinds that read other tools' folders: what their blocks may say, and names of what they give."""

import numpy as np
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.features import CATALOG, check_feature, modality_of, reads_images, reads_tables
from bidsml.features.diffusion import extract_diffusion
from bidsml.features.freesurfer import extract_freesurfer
from bidsml.features.image_quality import extract_image_quality
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data

KINDS = ("freesurfer", "image_quality", "diffusion", "eeg_power", "eeg_covariance")


@pytest.mark.parametrize("kind", KINDS)
def test_they_need_neither_bold_nor_a_table(kind):
    options = FeatureSpec(kind=kind)
    assert modality_of(options)
    assert not reads_tables(options)
    assert not reads_images(options)
    others = [name for name in CATALOG if name not in KINDS]
    assert not any(modality_of(FeatureSpec(kind=name)) for name in others)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "freesurfer", "measure": "subcortical", "parcellation": "dkt"}, "leave parcellation out"),
        ({"kind": "freesurfer", "measure": "thickness_of_etiv"}, "no measure 'thickness_of_etiv'"),
        ({"kind": "freesurfer", "atlas": "power2011"}, "does not take 'atlas'"),
        ({"kind": "image_quality", "file": "group_T1w.tsv"}, "does not take 'file'"),
        ({"kind": "diffusion"}, "needs atlas"),
        ({"kind": "diffusion", "atlas": "power2011", "measure": "FA"}, "no measure 'FA'"),
    ],
)
def test_wrong_blocks_are_refused(keys, words):
    with pytest.raises(AnalysisFileError, match=words):
        check_feature(FeatureSpec(**keys), 0)


@pytest.mark.parametrize(
    ("measure", "parcellation", "atlas"),
    [("area", "destrieux", "Destrieux"), (None, "desikan", "Desikan-Killiany"), ("subcortical", "desikan", "aseg")],
)
def test_freesurfer_names_its_parcellation(measure, parcellation, atlas):
    options = FeatureSpec(kind="freesurfer", measure=measure, parcellation=parcellation)
    vector = extract_freesurfer(make_data(table={"x": 2.5, "y": float("nan")}), block="b", options=options)
    assert (vector.atlas, vector.measure) == (atlas, measure or "thickness")
    assert vector.names == ("x", "y")
    assert set(vector.missing) == {"y"}


def test_without_a_value_nothing_is_made():
    with pytest.raises(DataError, match="no value"):
        extract_image_quality(make_data(), block="b", options=FeatureSpec(kind="image_quality"))
    with pytest.raises(DataError, match="no map of md"):
        options = FeatureSpec(kind="diffusion", measure="md")
        extract_diffusion(make_data(maps={"fa": np.ones(4)}), block="b", options=options)
