"""Which templates are at hand: TemplateFlow's folder and what nilearn packages. No network.

Nothing is written but the packaged template's images, into a folder that the caller names.
"""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bidsml.errors import MissingInputError

if TYPE_CHECKING:
    import numpy as np

NILEARN_TEMPLATE = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
# What the packaged file really is: the symmetric 2009a average, skull-stripped, which TemplateFlow does not have.
NILEARN_SPACE = "MNI152NLin2009aSym"
PREFERRED_SPACE = "MNI152NLin2009cAsym"
TISSUES = ("GM", "WM", "CSF")
TEMPLATE_MM = 2
"""Voxel size of the packaged template's images, and that of TemplateFlow's that is taken first."""


class Template(NamedTuple):
    """One template that is at hand, or the place where none is.

    ``space`` is the BIDS label of its space, empty where there is no template.
    """

    name: str
    where: str
    space: str


class ChosenTemplate(NamedTuple):
    """The images that a T1w is registered to.

    ``priors`` are tissue probabilities in the order of ``TISSUES``, empty where the template has none. ``has_head``
    says whether ``t1w`` shows skull and scalp too.
    """

    space: str
    t1w: Path
    mask: Path
    priors: tuple[Path, ...]
    has_head: bool


def choose_template(space: str, *, cache_dir: Path) -> ChosenTemplate:
    """Choose the template's images for a space.

    Parameters
    ----------
    space
        BIDS label of a space. ``auto``: TemplateFlow's MNI152NLin2009cAsym where its T1w and mask were downloaded,
        else the template that nilearn packages.
    cache_dir
        Folder for the packaged template's images, usually in the work folder.

    Raises
    ------
    MissingInputError
        The space is not at hand.
    """
    wanted = PREFERRED_SPACE if space == "auto" else space
    found = _from_templateflow(wanted)
    if found is not None:
        return found
    if space in ("auto", NILEARN_SPACE) and _packaged():
        return _write_packaged(cache_dir / f"tpl-{NILEARN_SPACE}")
    at_hand = sorted({template.space for template in describe_templates() if template.space})
    raise MissingInputError(
        f"template {wanted}: its T1w and brain mask are not in {templateflow_home()}; "
        f"at hand: {', '.join(at_hand) or 'none'}",
        hint='set TEMPLATEFLOW_HOME to a folder that has them, run once with --fetch-templates, or set space = "auto"',
    )


def automatic_space() -> str:
    """Say which space ``auto`` is on this machine."""
    return PREFERRED_SPACE if _from_templateflow(PREFERRED_SPACE) is not None else NILEARN_SPACE


def fetch_template(space: str) -> None:
    """Download a template's T1w, brain mask and tissue probabilities through TemplateFlow, unless they are there.

    Parameters
    ----------
    space
        BIDS label of a space; ``auto`` is MNI152NLin2009cAsym.

    Raises
    ------
    MissingInputError
        TemplateFlow has no such template, or can't be reached.
    """
    wanted = PREFERRED_SPACE if space == "auto" else space
    if _from_templateflow(wanted) is not None:
        return
    from templateflow import api

    entities: list[dict[str, Any]] = [{"desc": None, "suffix": "T1w"}, {"desc": "brain", "suffix": "mask"}]
    entities += [{"label": name, "suffix": "probseg"} for name in TISSUES]
    try:
        for one in entities:
            api.get(wanted, resolution=TEMPLATE_MM, extension=".nii.gz", raise_empty=False, **one)
    except OSError as error:  # what requests raises too
        raise MissingInputError(
            f"template {wanted} cannot be downloaded: {type(error).__name__}",
            hint="run once where there is a network, or copy TemplateFlow's folder and set TEMPLATEFLOW_HOME",
        ) from error
    if _from_templateflow(wanted) is None:
        raise MissingInputError(
            f"TemplateFlow has no T1w and brain mask at {TEMPLATE_MM} mm for {wanted}",
            hint='see templateflow.org for its names, or use space = "auto"',
        )


def _from_templateflow(space: str) -> ChosenTemplate | None:
    for resolution in (f"{TEMPLATE_MM:02d}", "01"):
        stem = f"tpl-{space}_res-{resolution}"
        t1w = find_templateflow_files(space, f"{stem}_T1w.nii.gz")
        mask = find_templateflow_files(space, f"{stem}_desc-brain_mask.nii.gz")
        if t1w and mask:
            priors = [find_templateflow_files(space, f"{stem}_label-{name}_probseg.nii.gz") for name in TISSUES]
            complete = tuple(found[0] for found in priors if found)
            return ChosenTemplate(space, t1w[0], mask[0], complete if len(complete) == len(TISSUES) else (), True)
    return None


def _write_packaged(folder: Path) -> ChosenTemplate:
    """Write nilearn's packaged template as images, unless they are there.

    Fluid is what the mask leaves beside grey and white matter.
    """
    stem = f"tpl-{NILEARN_SPACE}_res-{TEMPLATE_MM:02d}"
    names = ("T1w", "desc-brain_mask", *(f"label-{name}_probseg" for name in TISSUES))
    t1w, mask, *priors = [folder / f"{stem}_{name}.nii.gz" for name in names]
    chosen = ChosenTemplate(NILEARN_SPACE, t1w, mask, tuple(priors), False)
    if all(path.is_file() for path in (t1w, mask, *priors)):
        return chosen
    import numpy as np
    from nilearn import datasets

    image = datasets.load_mni152_template(resolution=TEMPLATE_MM)
    brain = np.asarray(datasets.load_mni152_brain_mask(resolution=TEMPLATE_MM).dataobj) > 0
    gray, white = (
        np.where(brain, np.asarray(load(resolution=TEMPLATE_MM).dataobj, dtype=np.float32).clip(0, 1), 0)
        for load in (datasets.load_mni152_gm_template, datasets.load_mni152_wm_template)
    )
    total = np.maximum(gray + white, 1.0)
    gray, white = gray / total, white / total
    values = (
        np.where(brain, np.asarray(image.dataobj, dtype=np.float32).clip(0, None), 0),
        brain.astype(np.uint8),
        gray,
        white,
        np.where(brain, 1 - gray - white, 0).clip(0, 1),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in zip((t1w, mask, *priors), values, strict=True):
        _save_whole(path, data if data.dtype == np.uint8 else data.astype(np.float32), image.affine)
    return chosen


def _save_whole(path: Path, data: "np.ndarray[Any, Any]", affine: "np.ndarray[Any, Any]") -> None:
    """Save so that another process sees the whole image or none."""
    import nibabel as nib

    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, 4)
    image.set_qform(affine, 4)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as temporary:
        part = Path(temporary) / path.name
        nib.save(image, part)
        os.replace(part, path)


def templateflow_home() -> Path:
    """Folder of TemplateFlow's downloads.

    The same rule as TemplateFlow's own, without importing it: the import writes a skeleton into the home folder.
    """
    from platformdirs import user_cache_dir  # comes with TemplateFlow

    return Path(os.environ.get("TEMPLATEFLOW_HOME") or user_cache_dir("templateflow")).absolute()


def find_templateflow_files(space: str, pattern: str) -> tuple[Path, ...]:
    """Files of one template that were really downloaded, by name, sorted.

    TemplateFlow marks a file that it knows but has not fetched by a file of no bytes.
    """
    folder = templateflow_home() / f"tpl-{space}"
    return tuple(sorted(path for path in folder.glob(pattern) if path.is_file() and path.stat().st_size > 0))


def describe_templates() -> tuple[Template, ...]:
    """List the templates at hand, for ``bidsml doctor``."""
    home = templateflow_home()
    spaces = sorted(path.name.removeprefix("tpl-") for path in home.glob("tpl-*")) if home.is_dir() else []
    found = []
    for space in spaces:
        n_images = len(find_templateflow_files(space, "*.nii.gz"))
        if n_images:
            found.append(Template("TemplateFlow", f"{home / f'tpl-{space}'} ({n_images} images)", space))
    if not found:
        state = "no image downloaded" if home.is_dir() else "not there"
        found.append(Template("TemplateFlow", f"{home} ({state}; set TEMPLATEFLOW_HOME to change it)", ""))
    return (*found, *_packaged())


def _packaged() -> tuple[Template, ...]:
    nilearn = find_spec("nilearn")
    if nilearn is None or nilearn.origin is None:
        return ()
    path = Path(nilearn.origin).parent / NILEARN_TEMPLATE
    return (Template("nilearn MNI152, skull-stripped", str(path), NILEARN_SPACE),) if path.is_file() else ()
