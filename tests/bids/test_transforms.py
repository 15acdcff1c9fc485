import numpy as np
import pytest

from bidsml.bids.transforms import lookup3, without_times


@pytest.mark.parametrize(("content", "expected"), [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)])
def test_the_checksum_is_jenkins_own(content, expected):
    """The vectors that lookup3.c prints itself (driver5)."""
    assert lookup3(content) == expected


def write_composite(path, field):
    ants = pytest.importorskip("ants")
    image = ants.from_numpy(field, has_components=True)
    affine = ants.new_ants_transform(
        precision="float", dimension=3, transform_type="AffineTransform",
        parameters=[1, 0, 0, 0, 1, 0, 0, 0, 1, 4, -2, 1],
    )  # fmt: skip
    warp = ants.transform_from_displacement_field(image)
    ants.write_transform(ants.compose_ants_transforms([warp, affine]), str(path))
    return path.read_bytes()


def test_two_files_of_one_transform_become_the_same_and_stay_readable(tmp_path):
    ants = pytest.importorskip("ants")
    field = np.random.default_rng(0).normal(size=(6, 7, 8, 3)).astype(np.float32)
    first = write_composite(tmp_path / "a.h5", field)
    stamps = [place for place in range(len(first)) if first.startswith(b"OHDR\x02", place)]
    # As if it had been written at another time: the four stamps behind the signature.
    mended = without_times(first)
    assert mended != first, "ITK's files hold times"
    assert without_times(mended) == mended
    assert all(mended[place + 6 : place + 22] == bytes(16) for place in stamps)
    changed = [i for i, (x, y) in enumerate(zip(first, mended, strict=True)) if x != y]
    assert len(changed) <= 20 * len(stamps), "only times and checksums"
    (tmp_path / "mended.h5").write_bytes(mended)
    points = [1.0, 2.0, 3.0]
    expected = ants.read_transform(str(tmp_path / "a.h5")).apply_to_point(points)
    assert ants.read_transform(str(tmp_path / "mended.h5")).apply_to_point(points) == expected


def test_voxels_that_spell_the_signature_stay():
    content = b"x" * 10 + b"OHDR\x02\x20" + bytes(range(200)) + b"OHDR\x02\x20\x01"
    assert without_times(content) == content
