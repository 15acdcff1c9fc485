"""Steps that make what the participant report shows of preprocessed images."""

import json
from pathlib import Path

from bidsml.bids.store import read_record, write_record
from bidsml.preproc import views
from bidsml.preproc.anatomical.images import read_volume
from bidsml.records import (
    AlignmentView,
    AnatomicalQC,
    AnatomyView,
    FunctionalQC,
    Preprocessing,
    PublishedFiles,
    RawSession,
)


def view_anatomy(session: Path, native: list[Path], *, out_dir: Path) -> Path:
    """Show a T1w with the outlines of brain and tissues.

    Parameters
    ----------
    session
        Record of the :class:`~bidsml.records.RawSession`.
    native
        T1w, brain mask, probabilities of GM, WM and CSF; as :func:`bidsml.steps.preprocessed.publish_anatomy` takes.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.AnatomyView`.
    """
    t1w, brain, *tissues = (read_volume(path) for path in native)
    view = views.view_anatomy(t1w, brain, tissues, label=read_record(RawSession, session).label)
    return write_record(out_dir / "anatomy_view.npz", view)


def view_alignment(
    moving: Path, fixed: Path, brain: Path, transforms: list[Path], names: str, similarity: str, *, out_dir: Path
) -> Path:
    """Show two images that should lie on each other.

    Parameters
    ----------
    moving, fixed
        What was aligned, and to what.
    brain
        Brain mask in the space of ``fixed``.
    transforms
        ANTs files that bring ``moving`` to ``fixed``, in ANTs' order; empty where it lies there already.
    names
        JSON array: label of the image (``sub-01 task-rest``), what ``moving`` is, what ``fixed`` is.
    similarity
        JSON object: figures that say how well they agree, by name.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.AlignmentView`.
    """
    label, moving_name, fixed_name = json.loads(names)
    view = views.view_alignment(
        read_volume(moving),
        read_volume(fixed),
        read_volume(brain),
        label=label,
        moving_name=moving_name,
        fixed_name=fixed_name,
        transforms=transforms,
        similarity=json.loads(similarity),
    )
    return write_record(out_dir / "alignment_view.npz", view)


def gather_preprocessing(
    published: list[Path],
    anatomical: list[Path],
    anatomy: list[Path],
    functional: list[Path],
    alignment: list[Path],
    *,
    out_dir: Path,
) -> Path:
    """Gather what the publication of a participant needs to know of its preprocessing.

    Parameters
    ----------
    published
        Records of :class:`~bidsml.records.PublishedFiles`.
    anatomical, functional
        Records of :class:`~bidsml.records.AnatomicalQC` and :class:`~bidsml.records.FunctionalQC`.
    anatomy, alignment
        From :func:`view_anatomy` and :func:`view_alignment`.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.Preprocessing`.
    """
    files: dict[str, str] = {}
    for path in published:
        files |= read_record(PublishedFiles, path).files
    made = Preprocessing(
        files=files,
        anatomical=tuple(read_record(AnatomicalQC, path) for path in anatomical),
        anatomy=tuple(read_record(AnatomyView, path) for path in anatomy),
        functional=tuple(read_record(FunctionalQC, path) for path in functional),
        alignment=tuple(read_record(AlignmentView, path) for path in alignment),
    )
    return write_record(out_dir / "preprocessing.npz", made)
