import pytest

from bidsml.bids.freesurfer import read_stats
from bidsml.errors import DataError


@pytest.fixture
def stats(shared_data):
    return shared_data("freesurfer_stats") / "freesurfer" / "sub-01" / "stats"


def rows_of(path):
    return [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]


def test_published_figures_of_one_subject(stats):
    # Figures that the data set's own note states.
    found = {name: float(text) for name, text in read_stats(stats / "aseg.stats").items()}
    assert found["BrainSegVol"] == 1009498
    assert found["lhCortexVol"] == pytest.approx(210047.86, abs=0.01)
    assert found["rhCortexVol"] == pytest.approx(209769.15, abs=0.01)
    assert found["MaskVol-to-eTIV"] == pytest.approx(1.012485)


def test_segmentation_volumes_are_the_fourth_column(stats):
    rows = rows_of(stats / "aseg.stats")  # columns: Index SegId NVoxels Volume_mm3 StructName …
    found = read_stats(stats / "aseg.stats")
    assert {f"{r[4]}_Volume_mm3": float(r[3]) for r in rows}.items() <= {k: float(v) for k, v in found.items()}.items()
    assert not [name for name in found if "norm" in name or "NVoxels" in name]


@pytest.mark.parametrize("hemi", ["lh", "rh"])
def test_surface_columns_carry_the_hemisphere(stats, hemi):
    rows = rows_of(stats / f"{hemi}.aparc.stats")
    found = read_stats(stats / f"{hemi}.aparc.stats")
    assert {f"{hemi}_{r[0]}_ThickAvg": r[4] for r in rows}.items() <= found.items()
    assert {f"{hemi}_{r[0]}_GrayVol": r[3] for r in rows}.items() <= found.items()
    assert f"{hemi}_MeanThickness" in found
    assert all(name.startswith(f"{hemi}_") for name in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b c\n",
        "# ColHeaders StructName X\nA 1 2\n",
        "# Measure a, b, c\n",
        "# ColHeaders StructName X\nA 1\nA 2\n",
    ],
)
def test_other_content_is_refused(tmp_path, text):
    path = tmp_path / "lh.aparc.stats"
    path.write_text(text)
    with pytest.raises(DataError, match=r"lh\.aparc\.stats"):
        read_stats(path)
