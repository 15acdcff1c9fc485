"""A region's voxels hold the region's value."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from bidsml.atlases import load_atlas
from bidsml.records import Atlas, FeatureBlock, PatternNull, Weights
from bidsml.steps.maps import paint_maps, write_maps


def result(names: tuple[str, ...], pattern: np.ndarray, blocks: tuple[FeatureBlock, ...], atlas: Atlas, null=()):
    weights = Weights("ridge", names, pattern, pattern, np.ones_like(pattern), ("patient", "other")[: pattern.shape[1]])
    cv = SimpleNamespace(estimator="ridge")
    return SimpleNamespace(weights=(weights,), cv=(cv,), nulls=null, blocks=blocks, atlases=(atlas,))


def block(kind: str, start: int, stop: int, *, name: str = "gm", layout: str = "vector", nodes=()) -> FeatureBlock:
    return FeatureBlock(name, kind, "m", layout, start, stop, nodes, "small")


@pytest.fixture
def labels(tmp_path: Path) -> Atlas:
    """Three labels whose numbers are neither in order nor without gaps; the image lacks the third."""
    volume = np.zeros((6, 6, 6), dtype=np.int16)
    volume[0:2], volume[4:6] = 40, 7
    nib.save(nib.Nifti1Image(volume, np.diag([3.0, 3, 3, 1])), tmp_path / "a.nii.gz")
    return Atlas("small", "MNI152", ("A", "B", "C"), np.zeros((3, 3)), (40, 7, 12), tmp_path / "a.nii.gz")


def test_each_label_is_filled_with_its_value(labels: Atlas) -> None:
    pattern = np.array([[1.5], [-2.0], [9.0]])
    (made,) = paint_maps(result(("A", "B", "C"), pattern, (block("gray_matter", 0, 3),), labels))
    assert (made.volume[0:2] == 1.5).all() and (made.volume[4:6] == -2).all() and not made.volume[2:4].any()
    assert made.name == "weights_gm" and made.affine[0, 0] == 3 and np.isnan(made.p).all()


def test_totals_are_in_no_map_and_a_dropped_feature_is_empty(labels: Atlas) -> None:
    names = ("B", "total_brain", "A")
    pattern = np.array([[np.nan], [5.0], [1.0]])
    (made,) = paint_maps(result(names, pattern, (block("morphometry", 0, 3),), labels))
    assert np.isnan(made.values[1:]).all() and made.values[0] == 1 and made.volume.max() == 1 and made.volume.min() == 0


def test_every_contrast_and_class_has_its_map(labels: Atlas) -> None:
    names = tuple(f"tc:{contrast}--{region}" for contrast in ("faces", "a--b > c") for region in "ABC")
    pattern = np.arange(12.0).reshape(6, 2)
    blocks = (block("table", 0, 0, name="x"), block("task_contrast", 0, 6, name="tc"))
    made = paint_maps(result(names, pattern, blocks, labels))
    assert [(one.part, one.output) for one in made] == [
        ("faces", "patient"), ("a--b > c", "patient"), ("faces", "other"), ("a--b > c", "other")
    ]  # fmt: skip
    assert made[1].values.tolist() == [6, 8, 10] and made[2].values.tolist() == [1, 3, 5]
    assert len({one.name for one in made}) == 4


def test_of_a_tested_connectome_regions_hold_their_rms(labels: Atlas) -> None:
    tested = (
        PatternNull("feature", (), np.zeros(3), np.zeros((9, 1)), p=np.ones(3), correlation=np.zeros(3)),
        PatternNull(
            "region", ("B", "A", "C"), np.array([2.0, 3.0, 1.0]), np.zeros((9, 3)), p=np.array([0.1, 0.2, 0.3])
        ),
    )
    null = (SimpleNamespace(estimator="ridge", patterns=tested),)
    edges = (block("connectome", 0, 3, name="c", layout="edges", nodes=("A", "B", "C")),)
    given = result(("A--B", "A--C", "B--C"), np.ones((3, 1)), edges, labels, null)
    (made,) = paint_maps(given)
    assert made.quantity == "RMS z" and made.values.tolist() == [3, 2, 1] and made.p.tolist() == [0.2, 0.1, 0.3]
    assert paint_maps(SimpleNamespace(**{**vars(given), "nulls": ()})) == ()


def test_spheres_are_painted_where_they_are() -> None:
    atlas = replace(load_atlas("seitzman2018"), name="small")
    n = len(atlas.names)
    pattern = np.arange(1.0, n + 1)[:, None]
    (made,) = paint_maps(result(atlas.names, pattern, (block("roi_signal", 0, n),), atlas))
    voxel = np.rint(np.linalg.solve(made.affine, np.c_[atlas.coordinates_mm, np.ones(n)].T)[:3]).astype(int)
    inside = ((voxel >= 0) & (voxel < np.array(made.volume.shape)[:, None])).all(axis=0)
    # A voxel's middle is up to √3 mm from a centre: where spheres touch, the neighbour may be nearer.
    assert inside.mean() > 0.98 and (made.volume[tuple(voxel[:, inside])] == pattern[inside, 0]).mean() > 0.98
    # Volume of spheres of 4 and 5 mm on a 2 mm grid.
    expected = sum(4 / 3 * np.pi * radius**3 / 8 for radius in atlas.radii_mm)
    assert (made.volume != 0).sum() == pytest.approx(expected, rel=0.05)


def test_maps_are_written_alike_twice_and_old_ones_go(labels: Atlas, tmp_path: Path) -> None:
    maps = paint_maps(result(("A", "B", "C"), np.ones((3, 1)), (block("gray_matter", 0, 3),), labels))
    out = tmp_path / "group"
    out.mkdir()
    (out / "weights_old.nii.gz").write_bytes(b"old")
    (out / "weights.json").write_text("{}")
    written = write_maps(out, maps)
    first = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in write_maps(out, maps)] == first
    assert {path.name for path in out.iterdir()} == {"weights_gm.nii.gz", "weights_gm.json", "weights.json"}
    image = nib.load(out / "weights_gm.nii.gz")
    assert image.get_fdata().sum() == 4 * 36 and image.header["sform_code"] == 4
    assert json.loads((out / "weights_gm.json").read_text())["PositiveMeans"] == "patient"
