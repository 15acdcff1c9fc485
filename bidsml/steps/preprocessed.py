"""Steps of raw images: check them before work is spent on them, publish what was made of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bidsml.bids.images import check_images
from bidsml.bids.names import order_entities
from bidsml.bids.preprocessed import Folder, source_entities
from bidsml.bids.store import read_record, sha256_file, write_record
from bidsml.errors import DataError
from bidsml.records import FunctionalQC, PublishedFiles, RawBold, RawSession, Scan

TISSUES = ("GM", "WM", "CSF")
MODULATED = "Grey-matter density times the Jacobian determinant of the warp, smoothed"
RUN = "Realigned and brought to the template by one interpolation; nothing was filtered or regressed out"
SEEN = "Brain of the template where the run has signal"


def check_session(session: Path, *, out_dir: Path) -> list[Path]:
    """Check that the raw images of a session are whole; hand its record on, and its files.

    Parameters
    ----------
    session
        Record of the :class:`~bidsml.records.RawSession`.
    """
    record = read_record(RawSession, session)
    check_images(record)
    return [write_record(out_dir / "session.npz", record), *record.files]


def publish_anatomy(
    session: Path,
    sources: list[Path],
    native: list[Path],
    normalised: list[Path],
    transforms: list[Path],
    space: str,
    bids_dir: str,
    output: str,
    *,
    out_dir: Path,
) -> Path:
    """Write the anatomy of one session into the output folder.

    Parameters
    ----------
    session
        Record of the :class:`~bidsml.records.RawSession`.
    sources
        The raw T1w images that were used; names come from their entities.
    native
        On the T1w: the corrected T1w with its skull, the brain mask, probabilities of GM, WM and CSF; in this order.
    normalised
        In template space: T1w, probabilities of GM, WM and CSF, grey-matter density times the Jacobian, smoothed; in
        this order, where the last may be missing. Empty without a registration.
    transforms
        For images, from T1w to the template and back, or none.
    space
        BIDS label of the template's space.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.PublishedFiles`.
    """
    out = Path(output)
    folder = Folder(
        out,
        participant_id=read_record(RawSession, session).participant_id,
        entities=source_entities(sources),
        datatype="anat",
        bids_dir=Path(bids_dir),
    )
    t1w, brain_mask, *tissues = native
    whole = {"SkullStripped": False}
    image = folder.image(t1w, "T1w", "T1w corrected for bias", desc="preproc", sidecar=whole, sources=sources)
    made_from, here = [image], {"SpatialReference": folder.link(image)}
    folder.image(brain_mask, "mask", "Brain mask", desc="brain", sidecar={"Type": "Brain", **here}, sources=made_from)
    for label, path in zip(TISSUES, tissues, strict=True):
        folder.image(path, "probseg", f"Probability of {label}", label=label, sidecar=here, sources=made_from)
    made_from += _write_transforms(folder, transforms, ("T1w", space))[:1]
    if normalised:
        _write_normalised(folder, normalised, space=space, sources=made_from)
    return _remember(out, folder, out_dir)


def _write_normalised(folder: Folder, images: Sequence[Path], *, space: str, sources: Sequence[Path]) -> None:
    t1w, gray_matter, white_matter, csf, *modulated = images
    warped, whole = "T1w warped to the template", {"SkullStripped": False}
    folder.image(t1w, "T1w", warped, space=space, desc="preproc", sidecar=whole, sources=sources)
    for label, path in zip(TISSUES, (gray_matter, white_matter, csf), strict=True):
        folder.image(path, "probseg", f"Probability of {label}", space=space, label=label, sources=sources)
    for path in modulated:
        folder.image(path, "probseg", MODULATED, space=space, label="GM", desc="modulated", sources=sources)


def publish_run(
    record: Path,
    qc: Path,
    resampled: list[Path],
    confounds: list[Path],
    transforms: list[Path],
    space: str,
    bids_dir: str,
    output: str,
    *,
    out_dir: Path,
) -> Path:
    """Write one preprocessed BOLD run into the output folder.

    Parameters
    ----------
    record
        Record of the :class:`~bidsml.records.RawBold`.
    qc
        Record of its :class:`~bidsml.records.FunctionalQC`.
    resampled
        In template space: the run, its reference, the brain mask; in this order.
    confounds
        Table with fMRIPrep's column names, one row a volume; JSON that describes its columns, where there is one.
    transforms
        For images, from the BOLD reference to what it was registered to (T1w, or the template itself), and back; the
        latter may be missing.
    space
        BIDS label of the template's space.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.PublishedFiles`, whose ``scan`` is ready to be read.

    Raises
    ------
    DataError
        The confounds have another number of rows than the run has volumes.
    """
    out = Path(output)
    raw, quality = read_record(RawBold, record), read_record(FunctionalQC, qc)
    _require_rows(confounds[0], quality)
    folder = Folder(
        out, participant_id=raw.participant_id, entities=raw.entities, datatype="func", bids_dir=Path(bids_dir)
    )
    bold, reference, brain_mask = resampled
    sidecar = _describe_run(raw, quality)
    image = folder.image(bold, "bold", RUN, space=space, desc="preproc", sidecar=sidecar, sources=[raw.path])
    folder.image(reference, "boldref", "Reference of head position", space=space, sources=[raw.path])
    brain = {"Type": "Brain"}
    mask = folder.image(brain_mask, "mask", SEEN, space=space, desc="brain", sidecar=brain, sources=[image])
    table = folder.copy(confounds[0], "timeseries", ".tsv", desc="confounds")
    for path in confounds[1:]:
        folder.copy(path, "timeseries", ".json", desc="confounds")
    _write_transforms(folder, transforms, ("boldref", "T1w" if quality.target == "T1w" else space))
    scan = _describe_scan(raw, space=space, image=image, mask=mask, confounds=table)
    return _remember(out, folder, out_dir, scan=scan)


def hand_on_scan(published: Path, *, out_dir: Path) -> list[Path]:
    """Hand on a published BOLD run: the record of its :class:`~bidsml.records.Scan`, and its files.

    Parameters
    ----------
    published
        From :func:`publish_run`.
    """
    scan = read_record(PublishedFiles, published).scan
    if scan is None:
        raise DataError(f"{published} holds no BOLD run", hint="delete the work folder and run the participant again")
    return [write_record(out_dir / "scan.npz", scan), *scan.files]


def _describe_run(raw: RawBold, quality: FunctionalQC) -> dict[str, object]:
    sidecar: dict[str, object] = {
        "RepetitionTime": raw.tr_s,
        "SkullStripped": True,
        "SliceTimingCorrected": quality.slice_timing,
        "TaskName": raw.entities.get("task", ""),
    }
    if quality.slice_timing and np.isfinite(quality.slice_time_s):
        sidecar["StartTime"] = quality.slice_time_s
    return sidecar


def _describe_scan(raw: RawBold, *, space: str, image: Path, mask: Path, confounds: Path) -> Scan:
    """Say what :func:`bidsml.bids.scans.find_scans` would find of a published run."""
    return Scan(
        participant_id=raw.participant_id,
        kind="bold",
        path=image,
        entities=order_entities({**raw.entities, "space": space, "desc": "preproc"}),
        mask=mask,
        confounds=confounds,
        events=raw.events,
        tr_s=raw.tr_s,
        sidecars=raw.sidecars,
    )


def _write_transforms(folder: Folder, transforms: Sequence[Path], ends: tuple[str, str]) -> list[Path]:
    """Write a transform between two spaces, and its inverse where there is one."""
    directions = (ends, (ends[1], ends[0]))
    return [folder.transform(path, start=a, goal=b) for path, (a, b) in zip(transforms, directions, strict=False)]


def _require_rows(confounds: Path, quality: FunctionalQC) -> None:
    n_rows = len(confounds.read_text(encoding="utf-8").splitlines()) - 1
    if n_rows != quality.n_volumes:
        raise DataError(
            f"{confounds} has {n_rows} rows, and {quality.label} {quality.n_volumes} volumes",
            hint="delete the work folder and run the participant again",
        )


def _remember(out: Path, folder: Folder, out_dir: Path, scan: Scan | None = None) -> Path:
    files = {path.relative_to(out).as_posix(): sha256_file(path) for path in sorted(set(folder.written))}
    return write_record(out_dir / "published.npz", PublishedFiles(folder.participant_id, files, scan))
