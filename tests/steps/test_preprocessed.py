"""What is published of raw images: names, sidecars, bytes, and that other tools and bidsml itself can read them."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.scans import find_scans
from bidsml.bids.store import read_record, sha256_file, write_record
from bidsml.errors import DataError, MissingInputError
from bidsml.records import FunctionalQC, PublishedFiles, RawBold, RawSession, Scan
from bidsml.spec import AnalysisSpec, FeatureSpec, InputSpec, RunOptions, TargetSpec
from bidsml.steps.preprocessed import check_session, hand_on_scan, publish_anatomy, publish_run

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
SPACE = "MNI152NLin2009aSym"
N_VOLUMES = 30


class Bench:
    """Finished work files of one session, and the folders around them."""

    def __init__(self, root: Path) -> None:
        self.root, self.bids, self.work, self.out = root, root / "bids", root / "work", root / "out"
        self.rng = np.random.default_rng(0)
        self.work.mkdir(parents=True)
        (self.bids / "sub-01").mkdir(parents=True)
        (self.bids / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.11.1"}')
        (self.bids / "participants.tsv").write_text("participant_id\nsub-01\n")
        write_dataset_files(self.out, bids_dir=self.bids, derivatives={})

    def image(self, name: str, *, shape=(5, 6, 7), tr_s: float = 0.0, dtype=np.float32) -> Path:
        values = self.rng.integers(0, 100, shape).astype(dtype)
        image = nib.Nifti1Image(values, np.diag([2.0, 2, 2, 1]))
        image.set_sform(image.affine, 4)
        if tr_s:
            image.header.set_xyzt_units("mm", "sec")
            image.header.set_zooms((2, 2, 2, tr_s))
        nib.save(image, self.work / name)
        return self.work / name

    def raw(self, name: str) -> Path:
        path = self.bids / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        return path

    def anatomy(self, *names: str, normalised: bool = True) -> Path:
        """Publish the anatomy made from the T1w of these names."""
        sources = [self.raw(f"sub-01/{name}") for name in names]
        record = write_record(self.work / "session.npz", RawSession("01", t1w=tuple(sources)))
        native = [self.image(f"native{i}.nii.gz") for i in range(5)]
        template = [self.image(f"template{i}.nii.gz") for i in range(5 if normalised else 0)]
        transforms = [self.work / "there.h5", self.work / "back.h5"] if normalised else []
        for path in transforms:
            path.write_bytes(b"\x89HDF")
        return publish_anatomy(
            record, sources, native, template, transforms, SPACE, str(self.bids), str(self.out), out_dir=self.work
        )  # fmt: skip

    def run(self, *, n_rows: int = N_VOLUMES, target: str = "T1w", slice_timing: bool = True, **entities: str) -> Path:
        """Publish one run."""
        given = {"task": "rest", **entities}
        stem = "_".join(f"{key}-{value}" for key, value in given.items())
        image, events = (self.raw(f"sub-01/func/sub-01_{stem}_{end}") for end in ("bold.nii.gz", "events.tsv"))
        record = RawBold("01", image, 2.0, given, events=events)
        zeros = np.zeros(N_VOLUMES)
        qc = FunctionalQC(
            "01", record.label, 2.0, N_VOLUMES, 2, 5, slice_timing, target, 1.0, 1.2, 1.0, 50.0,
            np.zeros((N_VOLUMES, 6)), zeros, zeros, slice_time_s=0.95 if slice_timing else float("nan"),
        )  # fmt: skip
        images = [
            self.image("bold.nii.gz", shape=(5, 6, 7, N_VOLUMES), tr_s=2.0),
            self.image("boldref.nii.gz"),
            self.image("mask.nii.gz", dtype=np.uint8),
        ]
        (self.work / "coreg.mat").write_bytes(b"matrix")
        return publish_run(
            write_record(self.work / "run.npz", record),
            write_record(self.work / "qc.npz", qc),
            images,
            self.confounds(n_rows),
            [self.work / "coreg.mat"],
            SPACE,
            str(self.bids),
            str(self.out),
            out_dir=self.work,
        )

    def confounds(self, n_rows: int) -> list[Path]:
        """A table with the columns that nilearn's strategies ask for, and its description."""
        bases = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "csf", "white_matter", "global_signal"]
        endings = ["", "_derivative1", "_power2", "_derivative1_power2"]
        table = pd.DataFrame(
            {b + e: self.rng.normal(size=n_rows) for b in bases for e in endings}
            | {"framewise_displacement": 0.2 * self.rng.random(n_rows), "std_dvars": 1 + 0.2 * self.rng.random(n_rows)}
            | {f"cosine{i:02d}": self.rng.normal(size=n_rows) for i in range(2)}
            | {f"{t}_comp_cor_{i:02d}": self.rng.normal(size=n_rows) for t in "cw" for i in range(3)}
            | {"non_steady_state_outlier00": np.eye(1, n_rows)[0]}
        )
        table.loc[0, [name for name in table if "derivative" in name or name == "framewise_displacement"]] = np.nan
        path = self.work / "confounds.tsv"
        table.to_csv(path, sep="\t", index=False, na_rep="n/a")
        meaning = {
            f"{t}_comp_cor_{i:02d}": {"Method": "aCompCor", "Mask": m, "Retained": True}
            for t, m in (("c", "CSF"), ("w", "WM"))
            for i in range(3)
        }
        path.with_suffix(".json").write_text(json.dumps(meaning))
        return [path, path.with_suffix(".json")]

    def files(self) -> set[str]:
        return {p.relative_to(self.out).as_posix() for p in self.out.rglob("*") if p.is_file() and "sub-" in p.name}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def validate(folder: Path) -> list[dict]:
    done = subprocess.run([str(VALIDATOR), str(folder), "--json"], capture_output=True, text=True, check=False)
    return [issue for issue in json.loads(done.stdout)["issues"]["issues"] if issue.get("severity") == "error"]


def test_names_of_the_anatomy(bench):
    published = bench.anatomy("ses-a/anat/sub-01_ses-a_acq-mprage_run-1_T1w.nii.gz")
    stem = "sub-01/ses-a/anat/sub-01_ses-a_acq-mprage_run-1"
    images = {
        "desc-preproc_T1w", "desc-brain_mask", "label-GM_probseg", "label-WM_probseg", "label-CSF_probseg",
        f"space-{SPACE}_desc-preproc_T1w", f"space-{SPACE}_label-GM_probseg", f"space-{SPACE}_label-WM_probseg",
        f"space-{SPACE}_label-CSF_probseg", f"space-{SPACE}_label-GM_desc-modulated_probseg",
    }  # fmt: skip
    expected = {f"{stem}_{name}{extension}" for name in images for extension in (".nii.gz", ".json")}
    expected |= {f"{stem}_from-T1w_to-{SPACE}_mode-image_xfm.h5", f"{stem}_from-{SPACE}_to-T1w_mode-image_xfm.h5"}
    assert bench.files() == expected
    record = read_record(PublishedFiles, published)
    assert record.files == {name: sha256_file(bench.out / name) for name in expected}
    assert (record.participant_id, record.scan) == ("01", None)


def test_several_t1w_give_one_name_without_run(bench):
    bench.anatomy("anat/sub-01_acq-a_run-1_T1w.nii.gz", "anat/sub-01_acq-b_run-2_T1w.nii.gz", normalised=False)
    assert "sub-01/anat/sub-01_desc-preproc_T1w.nii.gz" in bench.files()
    assert len(bench.files()) == 10
    sidecar = json.loads((bench.out / "sub-01/anat/sub-01_desc-preproc_T1w.json").read_text())
    assert sidecar["SkullStripped"] is False
    assert sidecar["Sources"] == [f"bids:raw:sub-01/anat/sub-01_acq-{a}_run-{r}_T1w.nii.gz" for a, r in ("a1", "b2")]


def test_sidecars_name_what_an_image_was_made_from(bench):
    bench.anatomy("anat/sub-01_T1w.nii.gz")
    bench.run()
    for name in (n for n in bench.files() if n.endswith(".json") and "confounds" not in n):
        for link in json.loads((bench.out / name).read_text())["Sources"]:
            _, dataset, path = link.split(":")
            assert ((bench.bids if dataset == "raw" else bench.out) / path).is_file(), (name, link)


def test_the_run_is_described(bench):
    bench.run()
    sidecar = json.loads((bench.out / f"sub-01/func/sub-01_task-rest_space-{SPACE}_desc-preproc_bold.json").read_text())
    assert "one interpolation" in sidecar.pop("Description")
    assert sidecar.pop("Sources") == ["bids:raw:sub-01/func/sub-01_task-rest_bold.nii.gz"]
    assert sidecar == {
        "RepetitionTime": 2.0, "SkullStripped": True, "SliceTimingCorrected": True, "StartTime": 0.95,
        "TaskName": "rest", "Resolution": "2 x 2 x 2 mm",
    }  # fmt: skip
    assert "sub-01/func/sub-01_task-rest_from-boldref_to-T1w_mode-image_xfm.mat" in bench.files()


def test_without_slice_timing_or_t1w(bench):
    bench.run(slice_timing=False, target="template")
    sidecar = json.loads((bench.out / f"sub-01/func/sub-01_task-rest_space-{SPACE}_desc-preproc_bold.json").read_text())
    assert sidecar["SliceTimingCorrected"] is False and "StartTime" not in sidecar
    assert f"sub-01/func/sub-01_task-rest_from-boldref_to-{SPACE}_mode-image_xfm.mat" in bench.files()


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_validator_finds_no_error(bench):
    bench.anatomy("anat/sub-01_T1w.nii.gz")
    bench.run(run="1")
    bench.run(run="2", slice_timing=False)
    assert validate(bench.out) == []
    path = bench.out / f"sub-01/func/sub-01_task-rest_run-1_space-{SPACE}_desc-preproc_bold.json"
    path.write_text("{}")
    assert validate(bench.out), "the ignore file must not hide the images"


def test_bidsml_finds_its_own_output(bench):
    published = bench.run(run="1")
    spec = AnalysisSpec(
        name="test",
        target=TargetSpec(column="diagnosis"),
        input=InputSpec(),
        features=(FeatureSpec(kind="connectome"),),
    )
    options = RunOptions(bench.bids, bench.root / "next", "participant", bench.work, derivatives={"raw": bench.out})
    (scan,) = find_scans(spec, options, wanted=frozenset({"bold"})).by_participant["01"]
    made = read_record(PublishedFiles, published).scan
    assert made is not None
    for name in ("participant_id", "kind", "path", "mask", "confounds", "events", "tr_s", "entities"):
        assert getattr(scan, name) == getattr(made, name), name


def test_a_published_run_is_handed_on_with_its_files(bench):
    published = bench.run()
    record, *files = hand_on_scan(published, out_dir=bench.work)
    made = read_record(PublishedFiles, published).scan
    assert read_record(Scan, record) == made
    assert files == [made.path, made.mask, made.confounds, made.events]
    with pytest.raises(DataError, match="no BOLD run"):
        hand_on_scan(bench.anatomy("anat/sub-01_T1w.nii.gz"), out_dir=bench.work)


@pytest.mark.parametrize("strategy", ["simple", "compcor", "scrubbing"])
def test_nilearn_reads_the_confounds_unchanged(bench, strategy):
    from nilearn.interfaces.fmriprep import load_confounds_strategy

    made = read_record(PublishedFiles, bench.run()).scan
    options = {"n_compcor": 2, "compcor": "anat_separated"} if strategy == "compcor" else {}
    table, sample_mask = load_confounds_strategy(str(made.path), denoise_strategy=strategy, **options)
    assert len(table) == N_VOLUMES and table.shape[1] > 8
    assert 0 not in sample_mask, "the volume before the steady state is left out"


def test_nilearn_masks_the_run(bench):
    from nilearn.maskers import NiftiMasker

    made = read_record(PublishedFiles, bench.run()).scan
    signals = NiftiMasker(mask_img=str(made.mask), standardize=None).fit_transform(str(made.path))
    inside = nib.load(made.mask).get_fdata() > 0
    np.testing.assert_allclose(signals, nib.load(made.path).get_fdata()[inside].T)


def test_the_same_content_gives_the_same_bytes(bench):
    """Whatever wrote the work file: a name and a time in the gzip header, or no compression."""
    first = bench.image("one.nii.gz")
    content = gzip.decompress(first.read_bytes())
    plain = bench.work / "plain.nii"
    plain.write_bytes(content)
    named = bench.work / "named.nii.gz"
    with gzip.open(named, "wb") as handle:
        handle.write(content)
    from bidsml.bids.preprocessed import write_image

    written = [write_image(bench.out / f"{i}.nii.gz", source) for i, source in enumerate((plain, named))]
    digests = {sha256_file(path) for path in written}
    assert len(digests) == 1
    for path in written:
        assert gzip.decompress(path.read_bytes()) == content
        assert path.read_bytes()[3:8] == bytes(5), "neither name nor time"
    assert write_image(bench.out / "copy.nii.gz", written[0]).read_bytes() == written[0].read_bytes()


def test_a_damaged_work_file_leaves_the_old_output(bench):
    from bidsml.bids.preprocessed import write_image

    source = bench.image("one.nii.gz")
    target = write_image(bench.out / "x.nii.gz", source)
    before = target.read_bytes()
    with gzip.open(source, "wb") as handle:
        handle.write(np.random.default_rng(0).bytes(5000))
    source.write_bytes(source.read_bytes()[:-2000])
    with pytest.raises(DataError, match="damaged"):
        write_image(target, source)
    with pytest.raises(MissingInputError):
        write_image(target, bench.work / "none.nii.gz")
    assert target.read_bytes() == before
    assert [p.name for p in bench.out.iterdir() if p.name.endswith(".tmp")] == []


def test_confounds_of_another_run_are_refused(bench):
    with pytest.raises(DataError, match="29 rows, and sub-01 task-rest 30 volumes"):
        bench.run(n_rows=29)


def test_a_session_is_checked_before_work_begins(bench):
    image = bench.image("t1w.nii.gz")
    record = RawSession("01", t1w=(image,))
    path = write_record(bench.work / "in.npz", record)
    checked, *files = check_session(path, out_dir=bench.work)
    assert read_record(RawSession, checked) == record and files == [image]
    image.write_bytes(image.read_bytes()[:100])
    with pytest.raises(DataError, match=r"t1w\.nii\.gz"):
        check_session(path, out_dir=bench.work)
