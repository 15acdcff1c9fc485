"""The steps of a BOLD run, on a simulated run whose motion, position and activity are known."""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.affines import apply_affine
from nilearn.interfaces.fmriprep import load_confounds

from bidsml.bids.store import read_record, sha256_file, write_record
from bidsml.errors import DataError
from bidsml.preproc.functional.motion_terms import framewise_displacement_mm
from bidsml.preproc.functional.rigid import move_points, relative_to, rigid_matrix
from bidsml.preproc.functional.transforms import map_points
from bidsml.records import FunctionalQC, RawBold, RunPreparation, RunRegistration
from bidsml.simulate.bold import simulate_bold
from bidsml.simulate.head import simulate_head
from bidsml.spec import PreprocessSpec
from bidsml.steps import functional as steps

N, TR_S = 30, 2.0
SPEC = PreprocessSpec(resolution_mm=4.0).model_dump_json()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run through all steps; the T1w's own space stands for the template, so that all truth is known."""
    folder = tmp_path_factory.mktemp("run")
    head = simulate_head(seed=3, voxel_mm=4.0)
    bold = simulate_bold(head, seed=4, n_volumes=N, voxel_mm=4.5, tr_s=TR_S, motion_mm=1.0)
    files = {"t1w": head.t1w, "brain": head.brain, **head.tissues, "bold": bold.image}
    paths = SimpleNamespace()
    for name, image in files.items():
        setattr(paths, name, folder / f"{name}.nii.gz")
        nib.save(image, getattr(paths, name))
    tissues = [paths.GM, paths.WM, paths.CSF]
    record = write_record(folder / "raw.npz", RawBold("01", paths.bold, TR_S, entities={"task": "rest"}))
    out = {name: folder / name for name in ("prepare", "motion", "coreg", "resample", "confounds", "measure")}
    for place in out.values():
        place.mkdir()
    prepared = steps.prepare_bold(record, SPEC, out_dir=out["prepare"])
    timed = steps.correct_slice_timing(record, prepared, SPEC, out_dir=folder)
    motion = steps.estimate_motion(record, prepared, out_dir=out["motion"])
    registered = steps.register_to_t1w(prepared, paths.t1w, paths.brain, 1, out_dir=out["coreg"])
    common = {"bold": timed, "record": record, "prepared": prepared, "motion": motion, "registered": registered}
    resampling = {**common, "to_template": [], "template_mask": paths.brain, "spec": SPEC, "n_threads": 1}
    resampled = steps.resample_to_template(**resampling, out_dir=out["resample"])
    confounds = steps.make_confounds(**common, tissues=tissues, n_threads=2, out_dir=out["confounds"])
    qc = steps.measure_bold(
        **common,
        resampled=resampled,
        confounds=confounds,
        template_mask=paths.brain,
        priors=tissues,
        out_dir=out["measure"],
    )
    found = read_record(RunPreparation, prepared[2])
    return SimpleNamespace(
        head=head,
        bold=bold,
        paths=paths,
        record=record,
        prepared=prepared,
        timed=timed,
        motion=steps.read_motion(motion),
        registered=registered,
        resampling=resampling,
        resampled=resampled,
        confounds=confounds,
        found=found,
        qc=read_record(FunctionalQC, qc),
        common=common,
        tissues=tissues,
    )


def _true_bold_points(run, points_mm):
    """Where points of the T1w lie in the run's reference."""
    at_rest = move_points(points_mm, rigid_matrix(run.bold.position, run.bold.centre_mm))
    return move_points(at_rest, rigid_matrix(run.bold.motion[run.found.reference_volume], run.bold.centre_mm))


def _brain_points(run):
    return apply_affine(run.head.brain.affine, np.argwhere(np.asarray(run.head.brain.dataobj) > 0))


def test_dummies_and_raw_run(run):
    assert run.found.n_dummy == 3  # what the simulation adds
    assert run.timed == run.paths.bold


def test_motion_is_within_a_tenth(run):
    truth = relative_to(run.bold.motion, run.found.reference_volume, run.bold.centre_mm)
    error = np.sqrt(np.mean((run.motion - truth) ** 2, axis=0))
    assert error[:3].max() < 0.1
    assert np.degrees(error[3:].max()) < 0.1
    fd, true_fd = framewise_displacement_mm(run.motion)[1:], framewise_displacement_mm(truth)[1:]
    assert np.corrcoef(fd, true_fd)[0, 1] > 0.95


def test_coregistration_is_within_a_millimetre(run):
    points = _brain_points(run)
    truth = _true_bold_points(run, points)
    error = np.linalg.norm(map_points(points, [run.registered[0]]) - truth, axis=1)
    assert error.max() < 1.0
    assert np.linalg.norm(points - truth, axis=1).mean() > 1.0  # there was something to find
    back = map_points(map_points(points, [run.registered[0]]), [run.registered[1]])
    np.testing.assert_allclose(back, points, atol=1e-3)
    found = read_record(RunRegistration, run.registered[3])
    assert found.nmi_after > found.nmi_before > 1
    assert found.target == "T1w"


def test_masks_are_the_brain(run):
    mask = nib.load(run.resampled[2])
    voxels = apply_affine(mask.affine, np.argwhere(np.asarray(mask.dataobj) > 0))
    to_t1w = np.rint(apply_affine(np.linalg.inv(run.head.brain.affine), voxels)).astype(int)
    assert np.asarray(run.head.brain.dataobj)[tuple(to_t1w.T)].mean() > 0.99
    assert run.qc.coverage > 0.9
    native = nib.load(run.registered[2])
    assert native.shape == run.bold.image.shape[:3]
    assert set(np.unique(native.dataobj)) == {0, 1}


def test_run_in_template_shows_the_anatomy(run):
    image, boldref, mask = (nib.load(path) for path in run.resampled)
    assert image.shape == (*mask.shape, N)
    assert image.header.get_zooms()[3] == pytest.approx(TR_S)
    inside = np.asarray(mask.dataobj) > 0
    mean = image.get_fdata()[..., 3:].mean(axis=-1)
    assert np.corrcoef(mean[inside], boldref.get_fdata()[inside])[0, 1] > 0.98
    # In BOLD fluid is brightest and white matter darkest: that order must be found where the T1w says they are.
    tissues = [nib.load(path).get_fdata() > 0.9 for path in run.tissues]
    gm, wm, csf = (float(np.median(mean[inside & where])) for where in tissues)
    assert wm < gm < csf


def test_realigned_run_is_steadier_than_the_raw_one(run):
    image, mask = nib.load(run.resampled[0]), np.asarray(nib.load(run.resampled[2]).dataobj) > 0
    series = image.get_fdata()[mask][:, 3:]
    points = apply_affine(image.affine, np.argwhere(mask))
    raw_voxels = np.rint(apply_affine(np.linalg.inv(run.bold.image.affine), _true_bold_points(run, points))).astype(int)
    raw = np.asarray(run.bold.image.dataobj)[tuple(raw_voxels.T)][:, 3:].astype(float)
    assert np.median(series.std(axis=1)) < 0.8 * np.median(raw.std(axis=1))


def test_written_files_feed_nilearn(run, tmp_path):
    stem = tmp_path / "func"
    stem.mkdir()
    (stem / "sub-01_task-rest_desc-confounds_timeseries.tsv").write_bytes(run.confounds[0].read_bytes())
    (stem / "sub-01_task-rest_desc-confounds_timeseries.json").write_bytes(run.confounds[1].read_bytes())
    image = str(stem / "sub-01_task-rest_space-T1w_desc-preproc_bold.nii.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for strategy in (["motion", "wm_csf", "global_signal"], ["motion", "high_pass", "compcor"]):
            chosen, kept = load_confounds(
                image, strategy=strategy, motion="full", compcor="anat_separated", n_compcor=3
            )
            assert np.isfinite(chosen.to_numpy()).all()
            assert kept.tolist() == list(range(3, N))


def test_tissue_signals_are_those_of_the_tissues(run):
    table = pd.read_csv(run.confounds[0], sep="\t", na_values=["n/a"])
    means = table[["white_matter", "global_signal", "csf"]].mean()
    assert means["white_matter"] < means["global_signal"] < means["csf"]
    assert len(table) == N
    assert "Note" not in json.loads(run.confounds[1].read_text())["white_matter"]


def test_quality_record_is_complete(run):
    qc = run.qc
    assert (qc.label, qc.n_volumes, qc.n_dummy) == ("sub-01 task-rest", N, 3)
    assert not qc.slice_timing
    assert np.isnan(qc.slice_time_s)
    assert qc.motion.shape == (N, 6)
    assert qc.fd_mm.shape == qc.dvars.shape == (N,)
    assert qc.carpet.shape == (len(qc.carpet_tissues), N)
    assert len(qc.carpet) <= 600
    assert np.isfinite(qc.carpet).all()
    assert 20 < qc.tsnr < 500
    assert not [note for note in qc.warnings if "registration" in note or "not found" in note]


def test_the_same_input_gives_the_same_bytes(run, tmp_path):
    again = steps.resample_to_template(**{**run.resampling, "n_threads": 3}, out_dir=tmp_path)
    assert [sha256_file(path) for path in again] == [sha256_file(path) for path in run.resampled]
    confounds = steps.make_confounds(**run.common, tissues=run.tissues, n_threads=1, out_dir=tmp_path)
    assert [sha256_file(path) for path in confounds] == [sha256_file(path) for path in run.confounds]


def test_slice_timing_goes_into_the_record(run, tmp_path):
    n_slices = run.bold.image.shape[2]
    times = tuple(np.linspace(0, 1.8, n_slices).tolist())
    record = write_record(tmp_path / "raw.npz", RawBold("01", run.paths.bold, TR_S, slice_times_s=times))
    timed = steps.correct_slice_timing(record, run.prepared, SPEC, out_dir=tmp_path)
    assert timed.parent == tmp_path
    assert nib.load(timed).shape == run.bold.image.shape
    qc = steps.measure_bold(
        **{**run.common, "record": record, "bold": timed},
        resampled=run.resampled,
        confounds=run.confounds,
        template_mask=run.paths.brain,
        priors=[],
        out_dir=tmp_path,
    )
    found = read_record(FunctionalQC, qc)
    assert found.slice_timing
    assert found.slice_time_s == pytest.approx(0.9)
    assert set(found.carpet_tissues) == {3}
    off = PreprocessSpec(slice_timing=False).model_dump_json()
    assert steps.correct_slice_timing(record, run.prepared, off, out_dir=tmp_path) == run.paths.bold


@pytest.mark.parametrize("n_volumes", [0, 6])
def test_what_is_no_run_is_refused(run, tmp_path, n_volumes):
    data = np.asarray(run.bold.image.dataobj)
    path = tmp_path / "bold.nii.gz"
    nib.save(nib.Nifti1Image(data[..., :n_volumes] if n_volumes else data[..., 0], run.bold.image.affine), path)
    record = write_record(tmp_path / "raw.npz", RawBold("01", path, TR_S))
    with pytest.raises(DataError, match=r"bold\.nii\.gz"):
        steps.prepare_bold(record, SPEC, out_dir=tmp_path)


def test_nonfinite_values_are_said(run, tmp_path):
    data = np.asarray(run.bold.image.dataobj).astype(np.float32)
    data[2, 2, 2, :] = np.nan
    path = tmp_path / "bold.nii.gz"
    nib.save(nib.Nifti1Image(data, run.bold.image.affine), path)
    record = write_record(tmp_path / "raw.npz", RawBold("01", path, TR_S))
    found = read_record(RunPreparation, steps.prepare_bold(record, SPEC, out_dir=tmp_path)[2])
    assert found.n_nonfinite == N
    assert "not finite" in found.warnings[0]


@pytest.mark.slow
def test_without_t1w_the_run_is_warped_to_the_template(run, tmp_path):
    from bidsml.templates import choose_template

    template = choose_template("MNI152NLin2009aSym", cache_dir=tmp_path)
    registered = steps.register_to_template(run.prepared, template.t1w, template.mask, 1, out_dir=tmp_path)
    found = read_record(RunRegistration, registered[3])
    assert found.target == "template"
    assert "no T1w" in found.warnings[0]
    points = _brain_points(run)[::50]
    error = np.linalg.norm(
        map_points(run.head.to_template(points), [registered[0]]) - _true_bold_points(run, points), axis=1
    )
    # The warp to find is up to 8 mm, and EPI shows less anatomy than T1w.
    assert np.median(error) < 3.0
    confounds = steps.make_confounds(
        **{**run.common, "registered": registered}, tissues=list(template.priors), n_threads=1, out_dir=tmp_path
    )
    assert Path(confounds[0]).is_file()


@pytest.mark.slow
def test_whole_way_to_the_template_is_within_two_millimetres(run, tmp_path):
    """At full size: registration of a real T1w is the anatomical path's own; here its brain mask is true."""
    import ants

    from bidsml.preproc.anatomical.images import read_ants
    from bidsml.templates import choose_template

    template = choose_template("MNI152NLin2009aSym", cache_dir=tmp_path)
    head = simulate_head(seed=3, voxel_mm=2.0)
    nib.save(head.t1w, tmp_path / "t1w.nii.gz")
    nib.save(head.brain, tmp_path / "brain.nii.gz")
    bold = simulate_bold(head, seed=5, n_volumes=40, voxel_mm=3.0, tr_s=TR_S, motion_mm=2.0)
    nib.save(bold.image, tmp_path / "bold.nii.gz")
    record = write_record(tmp_path / "raw.npz", RawBold("01", tmp_path / "bold.nii.gz", TR_S))
    prepared = steps.prepare_bold(record, SPEC, out_dir=tmp_path)
    motion = steps.read_motion(steps.estimate_motion(record, prepared, out_dir=tmp_path))
    volume = read_record(RunPreparation, prepared[2]).reference_volume
    truth = relative_to(bold.motion, volume, bold.centre_mm)
    error = np.sqrt(np.mean((motion - truth) ** 2, axis=0))
    assert error[:3].max() < 0.1
    assert np.degrees(error[3:].max()) < 0.1
    registered = steps.register_to_t1w(
        prepared, tmp_path / "t1w.nii.gz", tmp_path / "brain.nii.gz", 1, out_dir=tmp_path
    )
    brain = read_ants(tmp_path / "t1w.nii.gz") * read_ants(tmp_path / "brain.nii.gz")
    found = ants.registration(
        read_ants(template.t1w), brain, "SyN", outprefix=f"{tmp_path}/t1w_", write_composite_transform=True
    )
    points = apply_affine(head.brain.affine, np.argwhere(np.asarray(head.brain.dataobj) > 0))[::50]
    at_rest = move_points(points, rigid_matrix(bold.position, bold.centre_mm))
    true_bold = move_points(at_rest, rigid_matrix(bold.motion[volume], bold.centre_mm))
    way = [Path(found["fwdtransforms"]), registered[0]]
    assert np.linalg.norm(map_points(head.to_template(points), way) - true_bold, axis=1).mean() < 2.0
