"""FreeSurfer's subjects folders: which of them are found, and what is read from their tables."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bidsml.bids.modalities import find_modality, read_values, require_modality
from bidsml.bids.recon import SUBCORTICAL
from bidsml.bids.search import Search
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.spec import FeatureSpec

REGIONS = ("bankssts", "cuneus", "insula")
HEADER = "# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd"
# FreeSurfer 5 has the same columns for a surface; older ones had the thickness before the area.
OLD_HEADER = "# ColHeaders StructName NumVert ThickAvg ThickStd SurfArea GrayVol MeanCurv GausCurv FoldInd CurvInd"


def write_aparc(path: Path, *, regions: tuple[str, ...] = REGIONS, listed: int = 3, old: bool = False) -> None:
    """Thickness of region i is 2 + i / 10 mm, its area 100 (i + 1) mm², its volume 300 (i + 1) mm³."""
    lines = [
        f"# Measure Cortex, NumVert, Number of Vertices, {1000 * len(regions)}, unitless",
        "# Measure Cortex, MeanThickness, Mean Thickness, 2.1, mm",
        OLD_HEADER if old else HEADER,
    ]
    for index, region in enumerate(regions[:listed]):
        thick, area, volume = f"{2 + index / 10:.1f} 0.5", str(100 * (index + 1)), str(300 * (index + 1))
        cells = [thick, area, volume] if old else [area, volume, thick]
        lines.append(" ".join([region, "1000", *cells, "0.1 0.02 8 1.1"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_aseg(path: Path, *, thalamus: str = "Thalamus", rows: int | None = None, etiv: str = "eTIV") -> None:
    names = [name.replace("Thalamus", thalamus) for name in (*SUBCORTICAL, "Left-Lateral-Ventricle")]
    lines = [f"# Measure EstimatedTotalIntraCranialVol, {etiv}, Estimated, volume, 1000000.0, mm^3"]
    lines += [f"# NRows {rows or len(names)}", "# ColHeaders Index SegId NVoxels Volume_mm3 StructName normMean"]
    lines += [f"{i} {i} 10 {100.0 * (i + 1)} {name} 90.0" for i, name in enumerate(names)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_recon(folder: Path) -> Path:
    for side in ("lh", "rh"):
        write_aparc(folder / "stats" / f"{side}.aparc.stats")
    write_aseg(folder / "stats" / "aseg.stats")
    return folder


@pytest.fixture
def subjects(tmp_path: Path) -> Path:
    write_recon(tmp_path / "fs" / "sub-1")
    return tmp_path / "fs"


def find(subjects: Path, *, sessions: tuple[str, ...] = (), **keys: object):
    search = Search(subjects.parent, {"freesurfer": subjects}, sessions)
    return find_modality("freesurfer", FeatureSpec(kind="freesurfer", **keys), "1", search)


def read(subjects: Path, **keys: object) -> dict[str, float]:
    (scan,) = find(subjects, **keys)
    return read_values("freesurfer", scan, FeatureSpec(kind="freesurfer", **keys))[0]


@pytest.mark.parametrize(("measure", "values"), [("thickness", (2, 2.1, 2.2)), ("area", (100, 200, 300))])
def test_parcels_of_both_hemispheres_come_in_the_table_s_order(subjects, measure, values):
    found = read(subjects, measure=measure)
    assert list(found) == [f"{side}_{region}_{measure}" for side in ("lh", "rh") for region in REGIONS]
    assert list(found.values()) == pytest.approx([*values, *values])


def test_the_order_of_columns_does_not_matter(subjects):
    before = read(subjects, measure="volume")
    for side in ("lh", "rh"):
        write_aparc(subjects / "sub-1" / "stats" / f"{side}.aparc.stats", old=True)
    assert read(subjects, measure="volume") == before


def test_division_by_the_intracranial_volume_is_a_division(subjects):
    for measure in ("volume", "subcortical"):
        whole = read(subjects, measure=measure)
        shares = read(subjects, measure=f"{measure}_of_etiv")
        assert list(shares) == list(whole)
        assert [share * 1e6 for share in shares.values()] == pytest.approx(list(whole.values()))


def test_subcortical_takes_the_nuclei_and_more_where_asked_for(subjects):
    assert set(read(subjects, measure="subcortical")) == set(SUBCORTICAL)
    assert "Left-Lateral-Ventricle" in read(subjects, measure="subcortical", columns=("*",))
    assert list(read(subjects, measure="subcortical", columns=("*-Caudate",))) == ["Left-Caudate", "Right-Caudate"]
    assert "Left-Caudate" not in read(subjects, measure="subcortical", exclude=("*-Caudate",))


def test_the_thalamus_has_one_name_in_all_versions(subjects):
    new = read(subjects, measure="subcortical")
    write_aseg(subjects / "sub-1" / "stats" / "aseg.stats", thalamus="Thalamus-Proper", etiv="ICV")
    assert read(subjects, measure="subcortical") == new
    assert read(subjects, measure="subcortical_of_etiv")["Left-Thalamus"] == pytest.approx(100 / 1e6)
    # Some builds of version 6 took the names of the colour table, where it has an asterisk.
    write_aseg(subjects / "sub-1" / "stats" / "aseg.stats", thalamus="Thalamus-Proper*")
    assert read(subjects, measure="subcortical") == new


def test_a_parcel_of_one_hemisphere_alone_is_missing_in_the_other(subjects):
    write_aparc(subjects / "sub-1" / "stats" / "rh.aparc.stats", regions=REGIONS[:2])
    (scan,) = find(subjects)
    values, missing = read_values("freesurfer", scan, FeatureSpec(kind="freesurfer"))
    assert math.isnan(values["rh_insula_thickness"])
    assert list(missing) == ["rh_insula_thickness"]


def test_a_missing_hemisphere_says_which_table(subjects):
    (subjects / "sub-1" / "stats" / "rh.aparc.stats").unlink()
    with pytest.raises(MissingInputError, match=r"wrote no rh\.aparc\.stats") as caught:
        find(subjects)
    assert str(subjects / "sub-1" / "stats" / "rh.aparc.stats") in caught.value.hint
    assert find(subjects, measure="subcortical")


@pytest.mark.parametrize(
    ("damage", "keys", "words"),
    [
        (lambda stats: write_aparc(stats / "lh.aparc.stats", listed=2), {}, "cut off: its 2 parcels have 2000"),
        (lambda stats: write_aseg(stats / "aseg.stats", rows=45), {"measure": "subcortical"}, "announces 45"),
        (lambda stats: write_aseg(stats / "aseg.stats", etiv="X"), {"measure": "volume_of_etiv"}, "intracranial"),
        (
            lambda stats: (stats / "lh.aparc.stats").write_text(
                (stats / "lh.aparc.stats").read_text().replace("ThickAvg", "Thickness")
            ),
            {},
            "no column ThickAvg",
        ),
        (
            lambda stats: (stats / "lh.aparc.stats").write_text((stats / "lh.aparc.stats").read_text()[:-40]),
            {},
            "expected 10 cells",
        ),
    ],
)
def test_damaged_tables_are_refused(subjects, damage: Callable[[Path], object], keys, words):
    damage(subjects / "sub-1" / "stats")
    with pytest.raises(DataError, match=words) as caught:
        read(subjects, **keys)
    assert "sub-1" in caught.value.message


def test_the_longitudinal_result_goes_first_and_sessions_are_filtered(subjects):
    for name in ("sub-1_ses-a", "sub-1_ses-b", "sub-1_ses-b.long.sub-1", "sub-10_ses-a", "fsaverage"):
        write_recon(subjects / name)
    assert [scan.path.parts[-3] for scan in find(subjects)] == ["sub-1_ses-b.long.sub-1"]
    shutil.rmtree(subjects / "sub-1_ses-b.long.sub-1")
    assert [scan.path.parts[-3] for scan in find(subjects)] == ["sub-1"]
    found = find(subjects, sessions=("b",))
    assert [(scan.path.parts[-3], dict(scan.entities)) for scan in found] == [("sub-1_ses-b", {"ses": "b"})]
    shutil.rmtree(subjects / "sub-1")
    assert [scan.entities["ses"] for scan in find(subjects)] == ["a", "b"]


def test_what_nobody_has_is_told_before_the_run(subjects):
    feature = FeatureSpec(kind="freesurfer")
    search = Search(subjects.parent, {"freesurfer": subjects})
    with pytest.raises(MissingInputError, match="none of 2 participants") as caught:
        require_modality("freesurfer", feature, ("8", "9"), search)
    assert str(subjects / "sub-8") in caught.value.hint
    require_modality("freesurfer", feature, ("8", "1"), search)
    with pytest.raises(AnalysisFileError, match="'lh_cunus_thickness'") as wrong:
        require_modality("freesurfer", FeatureSpec(kind="freesurfer", columns=("lh_cunus_thickness",)), ("1",), search)
    assert "lh_cuneus_thickness" in wrong.value.hint


def test_a_folder_that_was_not_given_is_named(tmp_path):
    (tmp_path / "derivatives" / "freesurfer").mkdir(parents=True)
    with pytest.raises(MissingInputError, match="'freesurfer' that was not given") as caught:
        require_modality("freesurfer", FeatureSpec(kind="freesurfer"), ("1",), Search(tmp_path, {}))
    assert f"-d freesurfer={tmp_path}" in caught.value.hint


@pytest.mark.parametrize(("name", "n"), [("desikan", 34), ("destrieux", 74), ("dkt", 31)])
def test_real_tables(shared_data, name, n):
    root = shared_data("freesurfer_stats") / "freesurfer"
    search = Search(root.parent, {"freesurfer": root})
    for measure, unit in (("thickness", (1, 5)), ("area", (50, 9000)), ("volume", (50, 30000))):
        feature = FeatureSpec(kind="freesurfer", parcellation=name, measure=measure)
        (scan,) = find_modality("freesurfer", feature, "01", search)
        values, missing = read_values("freesurfer", scan, feature)
        assert (len(values), missing) == (2 * n, {})
        assert all(unit[0] < value < unit[1] for value in values.values())


def test_a_real_segmentation(shared_data):
    root = shared_data("freesurfer_stats") / "freesurfer"
    search = Search(root.parent, {"freesurfer": root})
    feature = FeatureSpec(kind="freesurfer", measure="subcortical_of_etiv")
    (scan,) = find_modality("freesurfer", feature, "01", search)
    values, missing = read_values("freesurfer", scan, feature)
    assert (len(values), missing) == (14, {})
    # A human hippocampus has 3 to 5 ml, a head 1.2 to 1.8 l.
    assert 0.0015 < values["Left-Hippocampus"] < 0.005
