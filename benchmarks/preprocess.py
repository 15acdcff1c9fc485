"""Time every preprocessing step on one participant, each in a process of its own; and how it grows with volumes.

python benchmarks/preprocess.py BIDS_DIR PARTICIPANT [--volumes 50 100 200] [--threads 1]

The first table has seconds and peak memory of each step on the participant's first T1w and first run. The next ones
repeat the steps of the run on its first volumes, recycled where more are asked for. The last line sets head motion
beside ANTs on the same volumes.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import ants
import nibabel as nib
import numpy as np
from measuring import measure

from bidsml.bids.raw import find_raw
from bidsml.bids.store import write_record
from bidsml.spec import AnalysisSpec, PreprocessSpec, RunOptions
from bidsml.steps import anatomical, functional
from bidsml.templates import choose_template


def run_anatomy(session, spec, template, folder, threads):
    """All anatomical steps in their order; what the functional ones need of them."""
    images = {"template": template.t1w, "template_mask": template.mask}
    conformed, _ = measure(anatomical.conform_t1w, folder, t1w=[*session.t1w[:1]], n_threads=threads)
    preproc, _ = measure(anatomical.correct_bias, folder, t1w=conformed, n_threads=threads)
    mask, _ = measure(
        anatomical.extract_brain, folder, t1w=preproc, has_head=template.has_head, n_threads=threads, **images
    )
    registered, _ = measure(
        anatomical.register_to_template,
        folder,
        t1w=preproc,
        mask=mask,
        registration=spec.registration,
        n_threads=threads,
        **images,
    )
    tissues, _ = measure(
        anatomical.segment_tissues,
        folder,
        t1w=preproc,
        mask=mask,
        priors=[*template.priors],
        inverse=registered[1],
        n_threads=threads,
    )
    measure(
        anatomical.warp_density,
        folder,
        tissues=tissues,
        template=template.t1w,
        forward=registered[0],
        fwhm_mm=spec.gray_matter_fwhm_mm,
        n_threads=threads,
    )
    return preproc, mask, tissues, registered


def run_functional(run, spec, template, anatomy, folder, threads):
    """All functional steps in their order; seconds of all."""
    preproc, mask, tissues, normalised = anatomy
    record = write_record(folder / "run.npz", run)
    text = spec.model_dump_json()
    total = 0.0

    def step(function, **arguments):
        nonlocal total
        result, seconds = measure(function, folder, **arguments)
        total += seconds
        return result

    prepared = step(functional.prepare_bold, record=record, spec=text)
    bold = step(functional.correct_slice_timing, record=record, prepared=prepared, spec=text)
    motion = step(functional.estimate_motion, record=record, prepared=prepared)
    registered = step(functional.register_to_t1w, prepared=prepared, t1w=preproc, mask=mask, n_threads=threads)
    common = {"bold": bold, "record": record, "prepared": prepared, "motion": motion, "registered": registered}
    common["n_threads"] = threads
    step(
        functional.resample_to_template,
        **common,
        to_template=[normalised[0]],
        template_mask=template.mask,
        spec=text,
    )
    step(functional.make_confounds, **common, tissues=tissues)
    return total, (motion, prepared)


def first_volumes(run, n_volumes, folder):
    """The run with another number of volumes, recycled where there are not so many."""
    image = nib.load(run.path)
    numbers = np.arange(n_volumes) % image.shape[3]
    data = np.asarray(image.dataobj)[..., numbers]
    path = folder / f"{n_volumes}_bold.nii.gz"
    nib.save(nib.Nifti1Image(data, image.affine, image.header), path)
    return replace(run, path=path)


def compare_motion(run, folder, n_volumes):
    """Head motion beside ANTs' on the same volumes."""
    short = first_volumes(run, n_volumes, folder)
    record = write_record(folder / "short.npz", short)
    prepared, _ = measure(
        functional.prepare_bold, folder / "peer", record=record, spec=PreprocessSpec().model_dump_json()
    )
    _, seconds = measure(functional.estimate_motion, folder / "peer", record=record, prepared=prepared)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        ants.motion_correction(ants.image_read(str(short.path)), outprefix=f"{scratch}/motion")
    peer = time.process_time() - start
    ratio = peer / seconds
    both = f"{seconds:.1f} s of CPU; ants.motion_correction {peer:.1f}"
    print(f"\nhead motion of {n_volumes} volumes: {both}: {ratio:.0f}x")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids_dir", type=Path)
    parser.add_argument("participant")
    parser.add_argument("--volumes", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peer-volumes", type=int, default=20)
    options = parser.parse_args()
    spec = PreprocessSpec()
    analysis = AnalysisSpec.model_validate_json(
        '{"name": "benchmark", "target": {"column": "x"}, "features": [{"kind": "connectome"}]}'
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wanted = RunOptions(
            bids_dir=options.bids_dir.absolute(),
            output_dir=folder / "out",
            level="participant",
            work_dir=folder / "work",
            participant_labels=(options.participant,),
        )
        session = find_raw(analysis, wanted)[options.participant][0]
        template = choose_template(spec.space, cache_dir=folder / "templates")
        print(f"template {template.space}, {options.threads} threads\n\n| step | CPU s | peak GB |\n|---|---|---|")
        anatomy = run_anatomy(session, spec, template, folder / "anat", options.threads)
        run_functional(session.bold[0], spec, template, anatomy, folder / "func", options.threads)
        rows = []
        for n_volumes in options.volumes:
            (folder / f"grow-{n_volumes}").mkdir()
            run = first_volumes(session.bold[0], n_volumes, folder / f"grow-{n_volumes}")
            print(f"\n{n_volumes} volumes\n\n| step | s | peak GB |\n|---|---|---|")
            total, _ = run_functional(run, spec, template, anatomy, folder / f"grow-{n_volumes}", options.threads)
            rows.append((n_volumes, total))
        print("\n| volumes | all functional steps, s | s a volume |\n|---|---|---|")
        for n_volumes, total in rows:
            print(f"| {n_volumes} | {total:.1f} | {total / n_volumes:.2f} |")
        compare_motion(session.bold[0], folder, options.peer_volumes)


if __name__ == "__main__":
    main()
