"""Row 10: the disk of the work or of the output folder is full."""

import errno
import os
import re

import pytest
from running import says

from bidsml.bids.store import write_text
from bidsml.errors import DiskError
from bidsml.graph.node import ERROR_FILE, StepInterface

pytestmark = pytest.mark.fault(10)


def fill(folder, *, leave):
    """Take all but so many bytes of a disk."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with (folder / "filling").open("wb") as handle:
        handle.write(bytes(free - leave))
    return folder / "filling"


@pytest.mark.slow
@pytest.mark.parametrize("nprocs", [1, 2])
@pytest.mark.parametrize("leave", [0, 40_000, 120_000])
@pytest.mark.parametrize("which", ["output", "work"])
def test_full_disk(place, undisturbed, small_disk, which, leave, nprocs, tmp_path):
    disk = small_disk("32m")
    folder = disk / which
    folder.mkdir(mode=0o700)
    folders = {which: folder, ("work" if which == "output" else "output"): tmp_path / "elsewhere"}
    here = type(place)(place.dataset, folders["output"], folders["work"], place.settings)
    filling = fill(disk, leave=leave)
    ran = here.run("participant", nprocs=nprocs)
    says(ran, 74, "No space left on device", "free", "hint:")
    assert re.search(r"\d+ (bytes|are free)", ran.text), ran.text
    for path in here.output.rglob("*"):
        assert not path.name.endswith(".tmp"), "no partial file is visible"
    published = here.tree
    filling.unlink()
    says(here.run("participant", nprocs=nprocs), 0)
    after = here.tree
    shared = ("index.html", "dataset_description.json")
    changed = [name for name, digest in published.items() if after.get(name) != digest and name not in shared]
    assert changed == [], "what had been published was whole"
    # The description links to the dataset by a relative path, which is another here.
    for name, digest in undisturbed.tree.items():
        assert name in shared or after[name] == digest


def test_the_message_says_what_is_needed_and_free(small_disk):
    disk = small_disk("64k")
    (disk / "file.txt").write_text("old")
    with pytest.raises(DiskError, match=r"file\.txt: No space left on device; 100000 bytes are needed, \d+ are free"):
        write_text(disk / "file.txt", "n" * 100_000)
    assert {path.name for path in disk.iterdir()} == {"file.txt"}
    assert (disk / "file.txt").read_text() == "old"


def test_a_step_that_fills_files_by_itself(tmp_path, monkeypatch):
    def fill_up(*, out_dir):
        (out_dir / "half.nii.gz").write_bytes(bytes(1000))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bidsml.graph.node.source_digest", lambda module: "fixed")
    monkeypatch.setattr("bidsml.graph.node._load", lambda step: fill_up)
    with pytest.raises(DiskError, match=r"more than the 1000 bytes written so far are needed, \d+ are free"):
        StepInterface("here:fill_up").run(cwd=str(tmp_path))
    assert "DiskError" in (tmp_path / ERROR_FILE).read_text()
