"""Read region signals and index datasets, side by side with nilearn and pybids, each in its own process.

python benchmarks/reading.py [--volumes 300] [--participants 1000 10000]

The first table averages regions of one simulated preprocessed BOLD run (91 x 109 x 91, int16, gzip): 200 labelled
regions, then the 264 spheres of Power 2011. bidsml gunzips once, checks the CRC, and averages volume by volume. The
signals must be equal. The second table finds the BOLD scans of datasets of fMRIPrep's layout with empty files: of
everyone, and of one participant, as a job of a cluster does.
"""

import argparse
import os
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from measuring import measure

SHAPE = (91, 109, 91)
AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2.0, 0, -126], [0, 0, 2.0, -72], [0, 0, 0, 1]])
N_LABELS = 200


def write_images(folder, n_volumes):
    """A run with a smooth region signal, and an atlas of parcels of the template's brain."""
    from nilearn.datasets import load_mni152_brain_mask
    from nilearn.image import resample_img
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(0)
    mask = resample_img(load_mni152_brain_mask(), AFFINE, SHAPE, interpolation="nearest", copy_header=True)
    brain = np.asarray(mask.dataobj) > 0
    seeds = np.argwhere(brain)[rng.choice(int(brain.sum()), N_LABELS, replace=False)]

    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[brain] = cKDTree(seeds).query(np.argwhere(brain))[1] + 1
    atlas = folder / "atlas.nii.gz"
    nib.save(nib.Nifti1Image(labels, AFFINE), atlas)
    table = pd.DataFrame({"index": range(1, N_LABELS + 1), "name": [f"R{i:03d}" for i in range(1, N_LABELS + 1)]})
    table.to_csv(folder / "atlas.tsv", sep="\t", index=False)
    data = np.empty((*SHAPE, n_volumes), dtype=np.int16)
    for volume in range(n_volumes):
        noise = rng.standard_normal(SHAPE, dtype=np.float32) * 30
        data[..., volume] = np.where(brain, 1000 + noise + 20 * np.sin(volume / 7 + labels), 0)
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_zooms((2, 2, 2, 2.0))
    bold = folder / "bold.nii.gz"
    nib.save(image, bold)
    return bold, atlas


def read_labels_bidsml(bold, atlas, *, out_dir):
    """Ours, labelled regions."""
    from bidsml.atlases import load_atlas
    from bidsml.preproc.regions import average_regions

    return _save(average_regions(bold, load_atlas(str(atlas)), mask=None).signals, out_dir)


def read_labels_nilearn(bold, atlas, *, out_dir):
    """nilearn's masker, labelled regions."""
    from nilearn.maskers import NiftiLabelsMasker

    return _save(NiftiLabelsMasker(str(atlas), standardize=None).fit_transform(str(bold)), out_dir)


def read_spheres_bidsml(bold, atlas, *, out_dir):
    """Ours, spheres."""
    from bidsml.atlases import load_atlas
    from bidsml.preproc.regions import average_regions

    return _save(average_regions(bold, load_atlas("power2011"), mask=None).signals, out_dir)


def read_spheres_nilearn(bold, atlas, *, out_dir):
    """nilearn's masker, spheres; in double precision, since it truncates means of integer images otherwise."""
    from nilearn.maskers import NiftiSpheresMasker

    from bidsml.atlases import load_atlas

    seeds = [tuple(place) for place in load_atlas("power2011").coordinates_mm]
    masker = NiftiSpheresMasker(seeds, radius=5.0, allow_overlap=True, standardize=None, dtype="float64")
    return _save(masker.fit_transform(str(bold)), out_dir)


def _save(signals, out_dir):
    path = out_dir / "signals.npy"
    np.save(path, np.asarray(signals, dtype=float))
    return path


def compare_readers(folder, n_volumes):
    """The first table."""
    bold, atlas = write_images(folder, n_volumes)
    print(f"## {n_volumes} volumes of {' x '.join(map(str, SHAPE))}, {bold.stat().st_size / 1e6:.0f} MB\n")
    print("| reader | CPU s | peak GB |\n|---|---|---|")
    for ours, peer in ((read_labels_bidsml, read_labels_nilearn), (read_spheres_bidsml, read_spheres_nilearn)):
        mine, seconds = measure(ours, folder, bold=bold, atlas=atlas)
        other, peer_seconds = measure(peer, folder, bold=bold, atlas=atlas)
        apart = np.abs(np.load(mine) - np.load(other)).max()
        print(f"| | {peer_seconds / seconds:.1f}x | apart by {apart:.1e} at most |", flush=True)


def write_dataset(folder, n_participants):
    """Ten files a participant, as fMRIPrep names them; empty but for the braces of JSON."""
    (folder / "dataset_description.json").parent.mkdir(parents=True)
    description = '{"Name": "d", "BIDSVersion": "1.10.0", "DatasetType": "derivative", "GeneratedBy": [{"Name": "x"}]}'
    (folder / "dataset_description.json").write_text(description, encoding="utf-8")
    run = "task-rest_space-MNI152NLin2009cAsym_desc"
    names = [f"{run}-preproc_bold.nii.gz", f"{run}-preproc_bold.json", f"{run}-brain_mask.nii.gz",
             f"{run}-brain_mask.json", "task-rest_desc-confounds_timeseries.tsv",
             "task-rest_desc-confounds_timeseries.json", "task-rest_space-MNI152NLin2009cAsym_boldref.nii.gz",
             "task-rest_from-boldref_to-T1w_mode-image_desc-coreg_xfm.txt",
             "task-rest_space-fsLR_den-91k_bold.dtseries.nii", "task-rest_space-fsLR_den-91k_bold.json"]  # fmt: skip
    for number in range(n_participants):
        own = folder / f"sub-{number:05d}" / "func"
        own.mkdir(parents=True)
        for name in names:
            (own / f"sub-{number:05d}_{name}").write_text("{}" if name.endswith(".json") else "", encoding="utf-8")


def find_everyone_bidsml(root, *, out_dir):
    """Ours, all participants."""
    from bidsml.bids.index import list_files

    return len([path for path in list_files(root, name="x") if "desc-preproc_bold.nii" in path.name])


def find_everyone_pybids(root, *, out_dir):
    """pybids over the whole dataset, with metadata, as it comes."""
    from bids import BIDSLayout

    layout = BIDSLayout(root, validate=False, is_derivative=True)
    return len(layout.get(suffix="bold", desc="preproc", extension=".nii.gz", return_type="filename"))


def find_one_bidsml(root, *, out_dir):
    """Ours, one participant."""
    from bidsml.bids.index import list_files

    found = list_files(root, name="x", labels=["00007"])
    return len([path for path in found if "desc-preproc_bold.nii" in path.name])


def compare_indexing(folder, n_participants):
    """The second table."""
    root = folder / f"dataset-{n_participants}"
    write_dataset(root, n_participants)
    print(f"\n## {n_participants:,} participants of ten files\n\n| index | CPU s | peak GB |\n|---|---|---|")
    places = folder / str(n_participants)
    everyone, seconds = measure(find_everyone_bidsml, places, root=root)
    peers, peer_seconds = measure(find_everyone_pybids, places, root=root)
    one, _ = measure(find_one_bidsml, places, root=root)
    if (everyone, peers, one) != (n_participants, n_participants, 1):
        raise SystemExit(f"found {everyone}, {peers} and {one} runs, not {n_participants}, {n_participants} and 1")
    print(f"| | {peer_seconds / seconds:.1f}x | |", flush=True)


def main():
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=300)
    parser.add_argument("--participants", type=int, nargs="*", default=[1000, 10_000])
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with tempfile.TemporaryDirectory() as folder:
        if options.volumes:
            compare_readers(Path(folder), options.volumes)
        for n_participants in options.participants:
            compare_indexing(Path(folder), n_participants)


if __name__ == "__main__":
    main()
