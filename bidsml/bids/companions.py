"""What belongs to a scan: brain mask, confounds, events, region names, repetition time, sidecars."""

from collections.abc import Collection
from pathlib import Path

from bidsml.bids.candidates import Candidate
from bidsml.bids.images import refuse_absurd_header
from bidsml.bids.inheritance import SidecarFinder
from bidsml.bids.names import order_entities
from bidsml.bids.textfiles import require_content
from bidsml.bids.timing import header_tr_s, reconcile_tr, sidecar_tr_s
from bidsml.records import Scan
from bidsml.surfaces import hemispheres

# Current name first, then fMRIPrep's before version 20.2.
_CONFOUNDS = ("timeseries", "regressors")
_IMAGES = (".nii.gz", ".nii")


class Companions:
    """Completes candidates to scans, reading each folder and each sidecar once.

    Parameters
    ----------
    bids_dir
        The raw dataset, whose sidecars speak where the derivative's do not.
    tr_s
        Repetition time in seconds that overrules every sidecar and header.
    """

    def __init__(self, bids_dir: Path, *, tr_s: float | None = None) -> None:
        self._raw = SidecarFinder(bids_dir.absolute())
        self._tr_s = tr_s
        self._finders: dict[Path, SidecarFinder] = {}

    def complete(self, candidate: Candidate) -> Scan:
        """Look up all that belongs to a file.

        Raises
        ------
        DataError
            A sidecar is malformed; of BOLD, the repetition time is missing or contradicts the header, or the header
            claims an absurd size.
        MissingInputError
            The content of something that belongs to it is not on this machine.
        """
        is_bold = candidate.kind == "bold"
        if is_bold and not candidate.on_surface:
            refuse_absurd_header(candidate.path)
        tr_s, sidecars = self._tr(candidate)
        scan = Scan(
            participant_id=candidate.participant_id,
            kind=candidate.kind,
            path=candidate.path,
            partner=hemispheres(candidate.path)[-1] if candidate.extension == ".func.gii" else None,
            derivative=candidate.derivative,
            entities=order_entities(candidate.entities),
            mask=self._mask(candidate) if is_bold and not candidate.on_surface else None,
            confounds=self._confounds(candidate) if candidate.kind != "relmat" else None,
            events=self._events(candidate) if is_bold else None,
            nodes=None if is_bold else self._nodes(candidate),
            tr_s=tr_s,
            measure=candidate.measure,
            sidecars=sidecars,
        )
        for path in scan.files:
            require_content(path)
        return scan

    def warn_of_malformed(self) -> None:
        """Log a warning for each malformed sidecar beside the scans that was not needed."""
        for finder in (*self._finders.values(), self._raw):
            finder.warn_of_malformed()

    def _finder(self, candidate: Candidate) -> SidecarFinder:
        return self._finders.setdefault(candidate.root, SidecarFinder(candidate.root))

    def _tr(self, candidate: Candidate) -> tuple[float | None, tuple[Path, ...]]:
        if candidate.kind == "relmat":
            return None, ()
        entities = {"sub": candidate.participant_id, **candidate.entities}
        if candidate.extension == ".func.gii":
            entities |= {"hemi": "L"}
        found = self._finder(candidate).metadata(candidate.path.parent, entities, suffix=candidate.suffix)
        metadata, sidecars = found
        tr_s = sidecar_tr_s(metadata, path=candidate.path)
        if tr_s is None:
            metadata, sidecars = self._raw_metadata(candidate)
            tr_s = sidecar_tr_s(metadata, path=candidate.path)
        if self._tr_s is not None:
            return self._tr_s, sidecars
        if candidate.kind == "bold":
            stated = None if candidate.on_surface else header_tr_s(candidate.path)
            return reconcile_tr(tr_s, stated, path=candidate.path), sidecars
        return tr_s, sidecars

    def _raw_metadata(self, candidate: Candidate) -> tuple[dict[str, object], tuple[Path, ...]]:
        folder, entities = self._raw_recording(candidate)
        return self._raw.metadata(folder, entities, suffix="bold")

    def _events(self, candidate: Candidate) -> Path | None:
        """Find the events in the raw dataset, the nearest that applies; derivatives don't repeat them."""
        folder, entities = self._raw_recording(candidate)
        found = self._raw.find(folder, entities, suffix="events", extensions=(".tsv",))
        return found[-1] if found else None

    def _raw_recording(self, candidate: Candidate) -> tuple[Path, dict[str, str]]:
        """Folder and entities of the raw scan that a file was made from."""
        entities = {"sub": candidate.participant_id, **dict(candidate.recording)}
        folder = self._raw.root / f"sub-{candidate.participant_id}"
        if "ses" in entities:
            folder /= f"ses-{entities['ses']}"
        return folder / "func", entities

    def _mask(self, candidate: Candidate) -> Path | None:
        entities = {"sub": candidate.participant_id, **candidate.entities, "desc": "brain"}
        return self._exact(candidate, entities, suffix="mask", extensions=_IMAGES)

    def _confounds(self, candidate: Candidate) -> Path | None:
        entities = {"sub": candidate.participant_id, **dict(candidate.recording), "desc": "confounds"}
        for suffix in _CONFOUNDS:
            found = self._exact(candidate, entities, suffix=suffix, extensions=(".tsv",))
            if found is not None:
                return found
        return None

    def _exact(
        self, candidate: Candidate, entities: dict[str, str], *, suffix: str, extensions: Collection[str]
    ) -> Path | None:
        """Find a file in the scan's folder that has these entities, all of them."""
        finder = self._finder(candidate)
        matches = finder.find(candidate.path.parent, entities, suffix=suffix, extensions=extensions)
        name_length = len(entities)
        exact = [p for p in matches if p.parent == candidate.path.parent and p.name.count("_") == name_length]
        return exact[-1] if exact else None

    def _nodes(self, candidate: Candidate) -> Path | None:
        """Table of region names: ``nodeindices`` (BEP 17), else the atlas's ``dseg.tsv``."""
        entities = {"sub": candidate.participant_id, **candidate.entities}
        finder = self._finder(candidate)
        found = finder.find(candidate.path.parent, entities, suffix="nodeindices", extensions=(".tsv",))
        if not found and candidate.atlas:
            named = entities | {"atlas": candidate.atlas, "seg": candidate.atlas}
            tables = finder.find(candidate.path.parent, named, suffix="dseg", extensions=(".tsv",))
            found = tuple(p for p in tables if f"-{candidate.atlas}_" in p.name)
        return found[-1] if found else None
