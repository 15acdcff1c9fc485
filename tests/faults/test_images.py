"""Images that are damaged, lie about themselves, or lack a part of the brain."""

import gzip
import json
import resource

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bidsml.bids.store import read_record
from bidsml.preproc.anatomical.images import read_volume
from bidsml.records import FeatureVector, ScanData
from bidsml.simulate.files import write_image

TWO = ("--participant-label", "01", "02")
ONE_FAILS = ("sub-02", "1 finished, 1 failed")


def image_of(place, label, ending):
    return next(path for path in place.scan_files(label) if path.name.endswith(ending))


def remake(path, change=lambda header, voxels: voxels):
    """Write an image again with another header, or other voxels; both are changed in place."""
    content = gzip.decompress(path.read_bytes())
    image = nib.Nifti1Image.from_bytes(content)
    header, voxels = image.header.copy(), np.asarray(image.dataobj).copy()
    voxels = change(header, voxels)
    header["vox_offset"] = 352  # nibabel forgets it
    start = header.binaryblock + content[348:352]
    path.write_bytes(gzip.compress(start + voxels.astype(header.get_data_dtype()).tobytes(order="F"), 1))


# ------------------------------------------------------------------ 20: damaged


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def spoil_checksum(content: bytes) -> bytes:
    return content[:-8] + bytes([content[-8] ^ 1]) + content[-7:]


def flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :]


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ("ending", "damage"),
    [
        ("bold.nii.gz", truncate),
        ("bold.nii.gz", spoil_checksum),
        ("bold.nii.gz", flip_a_bit),
        pytest.param("mask.nii.gz", truncate, marks=pytest.mark.slow),
        ("mask.nii.gz", spoil_checksum),
    ],
)
def test_a_damaged_image_costs_its_participant_only(study, suffers, ending, damage):
    path = image_of(study, "02", ending)
    path.write_bytes(damage(path.read_bytes()))
    suffers(study, "participant", *TWO, code=1, says=(*ONE_FAILS, path.name, "fetch "))


@pytest.mark.slow
@pytest.mark.fault(20)
def test_nothing_of_a_damaged_participant_is_published(fresh, suffers):
    path = image_of(fresh, "02", "bold.nii.gz")
    path.write_bytes(truncate(path.read_bytes()))
    suffers(fresh, "participant", *TWO, code=1, says=(*ONE_FAILS, path.name))
    assert (fresh.output / "sub-01" / "sub-01_bidsml.json").is_file()
    assert not list(fresh.output.glob("sub-02/**/*_relmat*"))
    assert not (fresh.output / "sub-02" / "sub-02_bidsml.json").exists()


@pytest.mark.fault(20)
@pytest.mark.parametrize("damage", [truncate, spoil_checksum, flip_a_bit])
def test_a_raw_image_is_read_to_its_end(tmp_path, damage):
    """The raw path takes minutes: the function that opens every T1w is asked itself."""
    path = tmp_path / "sub-01_T1w.nii.gz"
    voxels = np.random.default_rng(0).integers(0, 1000, (20, 20, 20), dtype=np.int16)
    write_image(path, voxels, np.diag([8.0, 8, 8, 1]))
    read_volume(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Exception, match="damaged") as caught:
        read_volume(path)
    assert caught.value.exit_code == 65
    assert path.name in str(caught.value)


# ------------------------------------------------------------------ 21: absurd sizes


def claim(shape):
    def change(header, voxels):
        header["dim"][1:5] = shape
        return voxels

    return change


@pytest.mark.fault(21)
@pytest.mark.parametrize("shape", [(11, 13, 11, 32000), (32000, 32000, 32000, 40), (32000, 32000, 1, 2)])
def test_a_header_that_claims_an_absurd_size(study, suffers, shape):
    path = image_of(study, "02", "bold.nii.gz")
    remake(path, claim(shape))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    suffers(study, "participant", *TWO, code=65, says=(path.name, "header claims", "fetch the file again"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kB: nothing of that size was made"
    assert not study.work.exists(), "refused before anything runs"


@pytest.mark.fault(21)
def test_a_gzip_bomb(study, suffers):
    """A file that keeps what its header claims: 4 GB of zeros, packed a thousandfold."""
    path = image_of(study, "02", "bold.nii.gz")
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header["dim"][:5] = (4, 1024, 1024, 1024, 2)
    header["pixdim"][1:5] = (1, 1, 1, 2)
    header.set_sform(np.eye(4), 4)
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4)) + 4096 * gzip.compress(bytes(1 << 20), 9))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    suffers(study, "participant", *TWO, code=65, says=(path.name, "header claims"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kB: it was not unpacked"


# ------------------------------------------------------------------ 22: not a BOLD series


def one_volume(header, voxels):
    header["dim"][4] = 1
    return voxels[..., :1]


def three_dimensions(header, voxels):
    header["dim"][0], header["dim"][4] = 3, 1
    return voxels[..., 0]


def singular(header, voxels):
    header["srow_z"] = header["srow_y"]
    return voxels


def no_size(header, voxels):
    header["pixdim"][3] = 0
    return voxels


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (three_dimensions, "4-D image"),
        (one_volume, "several volumes"),
        (singular, "affine matrix is singular"),
        (no_size, "voxel sizes"),
    ],
)
def test_an_image_that_is_no_series(study, suffers, change, words):
    path = image_of(study, "02", "bold.nii.gz")
    remake(path, change)
    suffers(study, "participant", *TWO, code=1, says=(*ONE_FAILS, path.name, words))


# ------------------------------------------------------------------ 23: NaN and infinity


@pytest.mark.fault(23)
def test_voxels_that_are_not_finite_are_counted(fresh, suffers):
    path = image_of(fresh, "02", "bold.nii.gz")
    inside = np.argwhere(np.asarray(nib.load(image_of(fresh, "02", "mask.nii.gz")).dataobj) > 0)

    def spoil(header, voxels):
        header.set_data_dtype(np.float32)
        voxels = voxels.astype(np.float32)
        for voxel, value in zip(inside[::100][:3], (np.nan, np.inf, -np.inf), strict=True):
            voxels[(*voxel, 7)] = value
        return voxels

    remake(path, spoil)
    suffers(fresh, "participant", *TWO, code=0)
    qc = read_record(ScanData, next(fresh.work.rglob("sub_02/read_0_0/scan_data.npz"))).qc
    assert qc.n_nonfinite_voxels == 3
    assert qc.nonfinite_share == pytest.approx(3 / len(inside))
    page = (fresh.output / "sub-02.html").read_text()
    assert f"3 left out, {300 / len(inside):.2g} % of those in regions" in page
    assert np.isfinite(features(fresh, "02").values).all()
    assert "Voxels without a number" not in (fresh.output / "sub-01.html").read_text()


# ------------------------------------------------------------------ 24, 25: lost regions


def features(place, label) -> FeatureVector:
    manifest = json.loads((place.output / f"sub-{label}" / f"sub-{label}_bidsml.json").read_text())
    (name,) = manifest["analyses"]["demo"]["features"].values()
    return read_record(FeatureVector, place.output / name)


def region_voxels(place, number):
    atlas = nib.load(next((place.dataset / "derivatives" / "atlas").glob("*.nii.gz")))
    return np.argwhere(np.asarray(atlas.dataobj) == number)


@pytest.mark.slow
@pytest.mark.fault(24)
def test_lost_regions_keep_their_place_and_say_why(study, suffers):
    constant, outside, barely = (region_voxels(study, number) for number in (1, 2, 3))

    def hold_still(_header, voxels):
        voxels[tuple(constant.T)] = 700
        return voxels

    def cut_away(_header, voxels):
        voxels[tuple(outside.T)] = 0
        voxels[tuple(barely[len(barely) // 3 :].T)] = 0
        return voxels

    remake(image_of(study, "02", "bold.nii.gz"), hold_still)
    remake(image_of(study, "02", "mask.nii.gz"), cut_away)
    names = features(study, "01").nodes
    suffers(study, "participant", "--participant-label", "02", code=0, remakes=("sub-02", "participants.tsv"))
    found = features(study, "02")
    assert found.nodes == names, "the list of nodes never changes"
    assert {name: reason.split()[0] for name, reason in found.missing.items() if name in names} == {
        names[0]: "its",
        names[1]: "lies",
        names[2]: "only",
    }
    lost = [any(name in names[:3] for name in edge.split("--")) for edge in found.names]
    assert sum(lost) == 3 * 21 + 3
    assert np.isnan(found.values).tolist() == lost
    nodes = pd.read_csv(next(study.output.glob("sub-02/func/*_nodeindices.tsv")), sep="\t", keep_default_na=False)
    assert tuple(nodes["name"]) == names
    assert (nodes["missing"] != "n/a").sum() == 3

    suffers(study, "group", code=0, says=("cohort: 8 of 8",), remakes=("group", "phenotype"))
    predicted = pd.read_csv(study.group / "predictions.tsv", sep="\t")
    scores = predicted.query("participant_id == 'sub-02'").select_dtypes("number")
    assert len(scores) and np.isfinite(scores.dropna(axis=1, how="all").to_numpy()).all(), "imputed in the fold"


@pytest.mark.fault(25)
def test_every_region_lost(study, suffers):
    path = image_of(study, "02", "bold.nii.gz")
    remake(path, lambda _header, voxels: np.full_like(voxels, 700))
    suffers(study, "participant", *TWO, code=1, says=(*ONE_FAILS, path.name, "all 24 regions", "does not vary"))
