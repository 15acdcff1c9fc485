"""Kinds from BOLD beyond the connectome, through both levels: networks, windows, graphs, seeds, homogeneity."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

FAST = ("--set", "cv.outer.repeats=1", "--set", "inference.permutations=4")
BLOCKS = """features=[
{kind = "network_connectivity", atlas = "{atlas}"},
{kind = "dynamic_connectivity", atlas = "{atlas}", window_s = 40.0, taper_s = 4.0},
{kind = "graph_measures", atlas = "{atlas}", density = 0.2},
{kind = "seed_map", atlas = "{atlas}", seeds = [{name = "PCC", mm = [0, -53, 26], radius_mm = 12},
{name = "front", region = "LeftFrontalLow"}]},
{kind = "reho", atlas = "{atlas}", neighbours = 19}]"""
# Few of the simulated volumes are censored, so that whole windows are left.
WORDS = ("--set", BLOCKS.replace("\n", ""), "--set", "denoise.fd_censor_mm=0.9", *FAST)
STEM = "sub-01_task-rest_space-MNI152NLin2009aSym"


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)


@pytest.fixture(scope="module")
def mapped(cohort, place_at, tmp_path_factory):
    """Both levels, with all five kinds in one analysis."""
    folder = tmp_path_factory.mktemp("mapped")
    place = place_at(cohort, folder / "out", folder / "work")
    for level in ("participant", "group"):
        ran = place.run(level, *WORDS)
        assert ran.code == 0, ran.text
    return place


@pytest.mark.slow
def test_every_block_reaches_the_model(mapped):
    counts = read(mapped.group / "weights.tsv")["feature"].str.partition(":")[0].value_counts()
    # 24 regions in 4 networks: 10 pairs of networks, 276 edges, 3 measures of regions and 2 of the graph, 2 seeds.
    assert counts.to_dict() == {
        "network-connectivity": 10,
        "dynamic-connectivity": 276,
        "graph-measures": 3 * 24 + 2,
        "seed-map": 48,
        "reho": 24,
    }
    page = (mapped.output / "group-demo.html").read_text(encoding="utf-8")
    for words in (
        "Windows were 40 s long and slid by 4 s, their ends softened by a Gaussian of 4 s",
        "averaged within each network and between each two networks",
        "A share of 20 % of all pairs of regions was kept as edges",
        "PCC (a sphere of 12 mm about 0, -53, 26 mm) and front (the region LeftFrontalLow)",
        "Each neighbourhood held 19 voxels",
    ):
        assert words in page
    assert {path.name for path in mapped.group.glob("weights_*.nii.gz")} >= {
        "weights_reho.nii.gz",
        "weights_seedmap_PCC.nii.gz",
        "weights_graphmeasures_clustering.nii.gz",
    }


@pytest.mark.slow
def test_maps_are_published_on_the_grid_of_the_scan_and_listed(mapped):
    func = mapped.output / "sub-01" / "func"
    bold = nib.load(
        mapped.dataset / "derivatives" / "fmriprep" / "sub-01" / "func" / f"{STEM}_desc-preproc_bold.nii.gz"
    )
    files = json.loads((mapped.output / "sub-01" / "sub-01_bidsml.json").read_text())["analyses"]["demo"]["files"]
    for name in (
        "seed-PCC_stat-fisherz_desc-seedmap",
        "seed-front_stat-fisherz_desc-seedmap",
        "stat-reho_desc-reho",
    ):
        path = func / f"{STEM}_{name}_boldmap.nii.gz"
        image = nib.load(path)
        assert image.shape == bold.shape[:3] and np.allclose(image.affine, bold.affine)
        assert path.relative_to(mapped.output).as_posix() in files
        sidecar = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert sidecar["Sources"] and sidecar["Settings"]
    w = nib.load(func / f"{STEM}_stat-reho_desc-reho_boldmap.nii.gz").get_fdata()
    assert w.min() == 0 and 1 / 19 < w[w > 0].mean() < 1


@pytest.mark.slow
def test_region_means_are_those_of_the_published_map(mapped):
    func = mapped.output / "sub-01" / "func"
    table = read(func / f"{STEM}_atlas-demo_desc-seedmap_features.tsv").set_index("name")["value"]
    atlas = mapped.dataset / "derivatives" / "atlas"
    labels = nib.load(next(atlas.glob("*_dseg.nii.gz"))).get_fdata()
    names = read(next(atlas.glob("*_dseg.tsv"))).set_index("name")["index"]
    found = nib.load(func / f"{STEM}_seed-front_stat-fisherz_desc-seedmap_boldmap.nii.gz").get_fdata()
    for region, number in names.items():
        assert table[f"front--{region}"] == pytest.approx(found[labels == number].mean(), abs=1e-5)
    mine = table.filter(like="front--")
    assert mine.idxmax() == "front--LeftFrontalLow"


@pytest.mark.slow
def test_quality_counts_a_scan_once_however_often_it_was_read(mapped):
    manifest = json.loads((mapped.output / "sub-01" / "sub-01_bidsml.json").read_text())
    assert 3 < manifest["analyses"]["demo"]["qc"]["minutes_kept"] <= 130 * 2 / 60 + 1e-9
