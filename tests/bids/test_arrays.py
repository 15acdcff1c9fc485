"""``.npz`` files of strangers: plain arrays come back; nothing else is opened, and nothing grows."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from bidsml.bids.arrays import read_arrays
from bidsml.errors import DataError


def archive(path, **members: bytes):
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(f"{name}.npy", content)
    return path


def npy(array, **more) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **more)
    return buffer.getvalue()


def claim(shape) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 16


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.array("text"), np.array(["a", "bc"]), np.empty((0, 3)), np.array(True)]
)
def test_what_is_written_comes_back(tmp_path, array):
    np.savez(tmp_path / "a.npz", allow_pickle=False, x=array, y=array.T)
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == ["x", "y"]
    for name, expected in (("x", array), ("y", array.T)):
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)
    assert list(read_arrays(tmp_path / "a.npz", (tmp_path / "a.npz").read_bytes())) == ["x", "y"]


@pytest.mark.parametrize("shape", [(10**11,), (10**6, 10**6), (3,)])
def test_a_claim_is_compared_before_memory_is_taken(tmp_path, shape):
    path = archive(tmp_path / "a.npz", x=claim(shape))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"x\.npy claims"):
        read_arrays(path)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_what_is_compressed_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10_000_000))
    assert (tmp_path / "a.npz").stat().st_size < 100_000
    with pytest.raises(DataError, match="compressed"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy(np.array([{}], dtype=object), allow_pickle=True), "pickled objects"),
        (b"\x93NUMPY\x09\x00" + b"\0" * 50, "format"),
        (b"", "plain arrays"),
        (claim("('a',)"), "plain arrays"),
        (claim((-1,)), "plain arrays"),
    ],
)
def test_what_is_no_plain_array_is_refused(tmp_path, content, says):
    with pytest.raises(DataError, match=says):
        read_arrays(archive(tmp_path / "a.npz", x=content))


def test_other_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as target:
        target.writestr("evil.py", "x")
    with pytest.raises(DataError, match="no array"):
        read_arrays(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("x.npy", npy(np.zeros(1)))
        target.writestr("x.npy", npy(np.ones(1)))
    with pytest.raises(DataError, match="two arrays"):
        read_arrays(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="plain arrays"):
        read_arrays(tmp_path / "c.npz")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npz")
