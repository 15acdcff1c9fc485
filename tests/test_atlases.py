"""Atlases by name and from files, and what is wrong with files."""

import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bidsml.atlases import list_atlases, load_atlas
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.records import Atlas

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
AFFINE[:3, 3] = [-10, -20, -30]
TABLE = "index\tname\tnetwork\n0\tbackground\tnone\n7\tleft\tA\n3\tright\tB\n"


def make_labels() -> np.ndarray:
    values = np.zeros((8, 8, 8), dtype=np.int16)
    values[1:3, 1:3, 1:3] = 7
    values[5:7, 5:7, 5:7] = 3
    return values


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(
        values: np.ndarray | None = None,
        table: str | bytes | None = TABLE,
        stem: str = "atlas-Two_space-MNI152NLin6Asym_dseg",
    ) -> Path:
        image = tmp_path / f"{stem}.nii.gz"
        nib.save(nib.Nifti1Image(make_labels() if values is None else values, AFFINE), image)
        if table is not None:
            content = table.encode() if isinstance(table, str) else table
            (tmp_path / f"{stem}.tsv").write_bytes(content)
        return image

    return make


@pytest.mark.parametrize(("name", "n_regions"), [("power2011", 264), ("dosenbach2010", 160), ("seitzman2018", 300)])
def test_packaged_atlases(name: str, n_regions: int) -> None:
    atlas = load_atlas(name)
    assert atlas.name == name
    assert len(set(atlas.names)) == len(atlas.names) == n_regions
    assert not any("--" in region or "\t" in region for region in atlas.names)
    assert atlas.coordinates_mm.shape == (n_regions, 3)
    assert np.abs(atlas.coordinates_mm).max() < 120
    assert bool(atlas.radius_mm) != bool(atlas.radii_mm)
    assert len(atlas.radii_mm) in (0, n_regions)
    assert len(atlas.networks) == (0 if name == "power2011" else n_regions)
    assert re.search(r"doi:10\.\d{4}", atlas.reference)


def test_seitzman_radii_and_networks_belong_to_their_rows() -> None:
    """Independent: nilearn's unordered table, row by row."""
    from nilearn.datasets import fetch_coords_seitzman_2018

    raw = fetch_coords_seitzman_2018(ordered_regions=False)
    atlas = load_atlas("seitzman2018")
    for name, radius, network, centre in zip(
        atlas.names, atlas.radii_mm, atlas.networks, atlas.coordinates_mm, strict=True
    ):
        row = int(name.rsplit("-", 1)[1]) - 1
        assert raw.radius[row] == radius
        assert raw.networks[row] == network
        np.testing.assert_allclose(raw.rois.iloc[row], centre)


def test_every_listed_packaged_name_loads_and_others_do_not_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path / "none"))
    names = list_atlases()
    assert len(set(names)) == len(names) == 3 + 20 + 9
    for name in names[3:5]:
        with pytest.raises(MissingInputError) as caught:
            load_atlas(name)
        assert "TEMPLATEFLOW_HOME" in caught.value.hint
        assert "power2011" in caught.value.hint
    assert not (tmp_path / "none").exists()


def test_unknown_names_offer_near_ones() -> None:
    with pytest.raises(AnalysisFileError) as caught:
        load_atlas("Schaefer2018-100Parcels7Network")
    assert "'Schaefer2018-100Parcels7Networks'" in caught.value.hint


def test_templateflow_atlas_from_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "tpl-MNI152NLin2009cAsym"
    folder.mkdir()
    stem = "tpl-MNI152NLin2009cAsym_{}atlas-Schaefer2018_desc-100Parcels7Networks_dseg"
    for resolution in ("res-01_", "res-02_"):
        nib.save(nib.Nifti1Image(make_labels(), AFFINE), folder / f"{stem.format(resolution)}.nii.gz")
    (folder / f"{stem.format('')}.tsv").write_text(
        "index\tname\tcolor\n7\t7Networks_LH_Vis_1\t#fff\n3\t7Networks_RH_DorsAttn_Post_1\t#000\n"
    )
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))
    atlas = load_atlas("Schaefer2018-100Parcels7Networks")
    assert "_res-02_" in str(atlas.image)
    assert atlas.networks == ("Vis", "DorsAttn")
    assert atlas.space == "MNI152NLin2009cAsym"
    assert "doi" in atlas.reference
    with pytest.raises(MissingInputError, match="MNI152NLin6Asym"):
        load_atlas("Schaefer2018-100Parcels7Networks", space="MNI152NLin6Asym")


def check_two(atlas: Atlas) -> None:
    assert atlas.name == "Two"
    assert atlas.space == "MNI152NLin6Asym"
    assert atlas.names == ("left", "right")
    assert atlas.labels == (7, 3)
    assert atlas.networks == ("A", "B")
    # voxels 1-2 and 5-6: centres 1.5 and 5.5
    np.testing.assert_allclose(atlas.coordinates_mm, [[-7, -17, -27], [1, -9, -19]])


def test_image_beside_its_table(write: Callable[..., Path]) -> None:
    check_two(load_atlas(str(write())))


def test_folder_with_one_atlas(write: Callable[..., Path]) -> None:
    folder = write().parent
    check_two(load_atlas(str(folder)))
    write(stem="atlas-Other_dseg")
    with pytest.raises(AnalysisFileError, match="2 atlases"):
        load_atlas(str(folder))


def test_label_in_the_table_only_stays(write: Callable[..., Path]) -> None:
    atlas = load_atlas(str(write(table=TABLE + "12\tabsent\tC\n")))
    assert atlas.names == ("left", "right", "absent")
    assert np.isnan(atlas.coordinates_mm[2]).all()
    assert np.isfinite(atlas.coordinates_mm[:2]).all()


def test_byte_order_mark_and_label_column(write: Callable[..., Path]) -> None:
    atlas = load_atlas(str(write(table="\ufeffindex\tlabel\n7\tleft\n3\t漢\n")))
    assert atlas.names == ("left", "漢")
    assert atlas.networks == ()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("index\tname\n7\tleft\n", "does not name"),
        ("index\tname\n7\tleft\n7\tright\n3\tx\n", "index 7 twice"),
        ("index\tname\n7\tleft\n3\tleft\n", "name 'left' twice"),
        ("index\tname\n7.5\tleft\n3\tx\n", ":2: index '7.5'"),
        ("index\tname\nx\tleft\n", "not a whole number"),
        ("number\tname\n7\tleft\n", "columns index and name"),
        ("index\tname\n", "no region"),
        ("", "readable"),
        ("index\tname\n7\tpr\xe9\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_wrong_tables_are_refused(write: Callable[..., Path], table: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        load_atlas(str(write(table=table)))


@pytest.mark.parametrize(
    ("values", "words"),
    [(make_labels() * np.float32(0.3), "whole numbers"), (np.stack([make_labels()] * 2, axis=-1), "3-D")],
)
def test_wrong_images_are_refused(write: Callable[..., Path], values: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        load_atlas(str(write(values)))


def test_missing_and_damaged_files(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="label image"):
        load_atlas(str(tmp_path / "nope.nii.gz"))
    with pytest.raises(MissingInputError, match="dseg"):
        load_atlas(str(tmp_path))
    path = write(table=None)
    with pytest.raises(MissingInputError, match="table"):
        load_atlas(str(path))
    path.write_bytes(path.read_bytes()[:60])
    path.with_name(path.name.replace(".nii.gz", ".tsv")).write_text(TABLE)
    with pytest.raises(DataError, match="readable NIfTI"):
        load_atlas(str(path))
