"""Steps of one BOLD run: from the raw file to template space, confounds and quality."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bidsml.bids.store import read_record, write_json, write_record, write_table
from bidsml.preproc.anatomical.images import read_volume, write_volume
from bidsml.preproc.functional.brainmask import close_by
from bidsml.preproc.functional.carpet import weave_carpet
from bidsml.preproc.functional.coregistration import Registration, normalise_directly, register_rigidly
from bidsml.preproc.functional.frames import count_nonfinite, iter_frames, open_run
from bidsml.preproc.functional.head_motion import estimate_motion as estimate_rigid_motion
from bidsml.preproc.functional.head_motion import prepare_target
from bidsml.preproc.functional.motion_terms import MOTION
from bidsml.preproc.functional.nuisance_signals import make_confounds_table
from bidsml.preproc.functional.reference import make_reference
from bidsml.preproc.functional.resampling import coarser_grid
from bidsml.preproc.functional.slice_timing import acquisition_times_s, correct_slices, middle_time_s
from bidsml.preproc.functional.template_space import brain_in_bold, resample_run, sample_at
from bidsml.preproc.functional.tissues import TISSUES, realigned_values, tissue_masks
from bidsml.preproc.volumes import open_series
from bidsml.records import FloatArray, FunctionalQC, RawBold, RunPreparation, RunRegistration
from bidsml.spec import PreprocessSpec

NO_T1W = "no T1w: the BOLD reference was warped to the template directly, which aligns cortex less well"
# Share of the template's brain in the field of view below which a run deserves a look.
LEAST_COVERAGE = 0.8


def prepare_bold(record: Path, spec: str, *, out_dir: Path) -> list[Path]:
    """Find the volumes before the steady state, and make the reference image.

    Parameters
    ----------
    record
        Record of the :class:`~bidsml.records.RawBold`.
    spec
        ``PreprocessSpec`` as JSON.

    Returns
    -------
    list of Path
        The reference, a rough brain mask found in it, and the record of :class:`~bidsml.records.RunPreparation`.
    """
    bold = read_record(RawBold, record)
    wanted = PreprocessSpec.model_validate_json(spec).dummy_volumes
    series = open_run(bold.path)
    reference = make_reference(series, dummy_volumes=None if wanted == "auto" else wanted)
    n_nonfinite = count_nonfinite(series)
    notes = reference.notes
    if n_nonfinite:
        notes = (*notes, f"{n_nonfinite} values of the raw run are not finite numbers; they were set to 0")
    found = RunPreparation(series.n_volumes, reference.n_dummy, reference.volume, n_nonfinite, notes)
    return [
        write_volume(out_dir / "boldref.nii.gz", reference.image, affine=series.affine),
        write_volume(out_dir / "desc-rough_mask.nii.gz", reference.mask, affine=series.affine),
        write_record(out_dir / "preparation.npz", found),
    ]


def correct_slice_timing(record: Path, prepared: list[Path], spec: str, *, out_dir: Path) -> Path:
    """Bring all slices to the middle of the acquisition, where the sidecar gives their times.

    Parameters
    ----------
    prepared
        From :func:`prepare_bold`.

    Returns
    -------
    Path
        The corrected run; the raw one where nothing is to be corrected.
    """
    bold = read_record(RawBold, record)
    series = open_run(bold.path)
    timing = acquisition_times_s(bold, series.shape) if PreprocessSpec.model_validate_json(spec).slice_timing else None
    if timing is None:
        return bold.path
    axis, times_s = timing
    n_dummy = read_record(RunPreparation, prepared[2]).n_dummy
    out = out_dir / "desc-stc_bold.nii"
    return correct_slices(series, out, axis=axis, times_s=times_s, tr_s=bold.tr_s, n_dummy=n_dummy)


def estimate_motion(record: Path, prepared: list[Path], *, out_dir: Path) -> Path:
    """Estimate head motion in the raw run, relative to the reference.

    Returns
    -------
    Path
        Table of ``trans_x`` … ``rot_z`` in mm and radians, one row a volume.
    """
    bold = read_record(RawBold, record)
    reference, mask = read_volume(prepared[0]), read_volume(prepared[1])
    series = open_run(bold.path)
    brain = close_by(np.asarray(mask.dataobj) > 0)
    target = prepare_target(np.asarray(reference.dataobj), brain, series.affine)
    motion = estimate_rigid_motion(iter_frames(series), target)
    return write_table(out_dir / "motion.tsv", pd.DataFrame(motion, columns=list(MOTION)))


def register_to_t1w(prepared: list[Path], t1w: Path, mask: Path, n_threads: int, *, out_dir: Path) -> list[Path]:
    """Register the reference rigidly to the T1w.

    Parameters
    ----------
    t1w, mask
        Preprocessed T1w and its brain mask.

    Returns
    -------
    list of Path
        Transform BOLD to T1w, its inverse, the T1w's brain mask on the BOLD grid, and the record of
        :class:`~bidsml.records.RunRegistration`.
    """
    reference, brain = read_volume(prepared[0]), np.asarray(read_volume(prepared[1]).dataobj) > 0
    found = register_rigidly(
        reference, read_volume(t1w), mask=read_volume(mask), brain=brain, out_dir=out_dir, n_threads=n_threads
    )
    return _registered(found, reference, read_volume(mask), target="T1w", notes=(), out_dir=out_dir)


def register_to_template(
    prepared: list[Path], template: Path, mask: Path, n_threads: int, *, out_dir: Path
) -> list[Path]:
    """Warp the reference to the template directly: for participants without T1w.

    Parameters
    ----------
    template, mask
        The template's T1w and brain mask.

    Returns
    -------
    list of Path
        As of :func:`register_to_t1w`.
    """
    reference, brain = read_volume(prepared[0]), np.asarray(read_volume(prepared[1]).dataobj) > 0
    found = normalise_directly(
        reference, read_volume(template), mask=read_volume(mask), brain=brain, out_dir=out_dir, n_threads=n_threads
    )
    return _registered(found, reference, read_volume(mask), target="template", notes=(NO_T1W,), out_dir=out_dir)


def _registered(
    found: Registration,
    reference: nib.Nifti1Image,
    mask: nib.Nifti1Image,
    *,
    target: str,
    notes: tuple[str, ...],
    out_dir: Path,
) -> list[Path]:
    if not np.isfinite(found.nmi_after) or found.nmi_after <= found.nmi_before:
        notes = (*notes, f"registration to the {target} made the images no more alike than their headers: look at it")
    brain = brain_in_bold(reference, mask, [found.inverse])
    record = RunRegistration(target, found.nmi_before, found.nmi_after, notes)
    return [
        found.forward,
        found.inverse,
        write_volume(out_dir / "desc-brain_mask.nii.gz", brain, affine=np.asarray(reference.affine)),
        write_record(out_dir / "registration.npz", record),
    ]


def resample_to_template(
    bold: Path,
    record: Path,
    prepared: list[Path],
    motion: Path,
    registered: list[Path],
    to_template: list[Path],
    template_mask: Path,
    spec: str,
    n_threads: int,
    *,
    out_dir: Path,
) -> list[Path]:
    """Bring the run to template space by one interpolation.

    Parameters
    ----------
    bold
        From :func:`correct_slice_timing`.
    registered
        From :func:`register_to_t1w` or :func:`register_to_template`.
    to_template
        Transforms that bring images from T1w to the template; empty after :func:`register_to_template`.

    Returns
    -------
    list of Path
        Run (int16 with a scale, 0 outside the brain and 4 mm around it), reference, brain mask with signal.
    """
    brain = read_volume(template_mask)
    size_mm = PreprocessSpec.model_validate_json(spec).resolution_mm
    grid = coarser_grid(brain.shape, np.asarray(brain.affine, dtype=np.float64), size_mm)
    return resample_run(
        open_run(bold),
        reference=read_volume(prepared[0]),
        brain=brain,
        grid=grid,
        motion=read_motion(motion),
        transforms=[*to_template, registered[0]],
        tr_s=read_record(RawBold, record).tr_s,
        out_dir=out_dir,
        n_threads=n_threads,
    )


def make_confounds(
    bold: Path,
    record: Path,
    prepared: list[Path],
    motion: Path,
    registered: list[Path],
    tissues: list[Path],
    n_threads: int,
    *,
    out_dir: Path,
) -> list[Path]:
    """Compute the confounds table from the realigned run in its own space.

    Parameters
    ----------
    tissues
        Probability maps of GM, WM and CSF in the space that the run was registered to; empty where there are none.

    Returns
    -------
    list of Path
        Table and sidecar.
    """
    series, parameters = open_run(bold), read_motion(motion)
    reference, mask = read_volume(prepared[0]), read_volume(registered[2])
    brain = np.asarray(mask.dataobj) > 0
    maps = {name: read_volume(path) for name, path in zip(TISSUES, tissues, strict=bool(tissues))}
    masks, notes = tissue_masks(maps, brain, np.asarray(reference.affine, dtype=np.float64), [registered[1]])
    table = make_confounds_table(
        realigned_values(series, parameters, brain, n_threads=n_threads),
        masks,
        parameters,
        tr_s=read_record(RawBold, record).tr_s,
        n_dummy=read_record(RunPreparation, prepared[2]).n_dummy,
        notes=notes,
    )
    name = out_dir / "desc-confounds_timeseries.tsv"
    return [write_table(name, table.table), write_json(name.with_suffix(".json"), table.metadata)]


def measure_bold(
    record: Path,
    bold: Path,
    prepared: list[Path],
    motion: Path,
    registered: list[Path],
    resampled: list[Path],
    confounds: list[Path],
    template_mask: Path,
    priors: list[Path],
    *,
    out_dir: Path,
) -> Path:
    """Measure the quality of a preprocessed run.

    Parameters
    ----------
    priors
        The template's probability maps of GM, WM and CSF; empty where it has none.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.FunctionalQC`.
    """
    raw, found = read_record(RawBold, record), read_record(RunPreparation, prepared[2])
    registration = read_record(RunRegistration, registered[3])
    table = pd.read_csv(confounds[0], sep="\t", na_values=["n/a"])
    mask = read_volume(resampled[2])
    inside, affine = np.asarray(mask.dataobj) > 0, np.asarray(mask.affine, dtype=np.float64)
    coverage = _cover(inside, sample_at(read_volume(template_mask), inside.shape, affine) > 0.5)
    tissues = [sample_at(read_volume(path), inside.shape, affine) for path in priors]
    carpet = weave_carpet(open_series(resampled[0]), inside, tissues, n_dummy=found.n_dummy)
    timing = acquisition_times_s(raw, open_run(raw.path).shape) if bold != raw.path else None
    notes = _notes(confounds[1], coverage)
    qc = FunctionalQC(
        participant_id=raw.participant_id,
        label=raw.label,
        tr_s=raw.tr_s,
        n_volumes=found.n_volumes,
        n_dummy=found.n_dummy,
        reference_volume=found.reference_volume,
        slice_timing=timing is not None,
        slice_time_s=float("nan") if timing is None else middle_time_s(timing[1]),
        target=registration.target,
        nmi_before=registration.nmi_before,
        nmi_after=registration.nmi_after,
        coverage=coverage,
        tsnr=carpet.tsnr,
        motion=read_motion(motion),
        fd_mm=table["framewise_displacement"].to_numpy(dtype=np.float64),
        dvars=table["std_dvars"].to_numpy(dtype=np.float64),
        n_nonfinite=found.n_nonfinite,
        carpet=carpet.rows,
        carpet_tissues=carpet.tissues,
        warnings=(*found.warnings, *registration.warnings, *notes),
    )
    return write_record(out_dir / "functional_qc.npz", qc)


def _cover(seen: NDArray[np.bool_], brain: NDArray[np.bool_]) -> float:
    """Share of the template's brain in which the run has signal."""
    return float(seen.sum() / max(brain.sum(), 1))


def _notes(described: Path, coverage: float) -> list[str]:
    """List what the confounds' sidecar notes, and a field of view that leaves much of the brain out."""
    columns = json.loads(described.read_text(encoding="utf-8")).values()
    notes = [column["Note"] for column in columns if "Note" in column]
    if coverage < LEAST_COVERAGE:
        notes.append(f"the field of view covers {coverage:.0%} of the template's brain")
    return notes


def read_motion(path: Path) -> FloatArray:
    """Motion parameters ``(n_volumes, 6)`` of :func:`estimate_motion`."""
    table: FloatArray = pd.read_csv(path, sep="\t")[list(MOTION)].to_numpy(dtype=np.float64)
    return table
