"""Tables that come as one file per participant, such as MRIQC's JSON and FreeSurfer's ``.stats``."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bidsml.bids.participants import ID
from bidsml.bids.references import resolve_file
from bidsml.bids.tableformats import load_table
from bidsml.bids.textfiles import require_content
from bidsml.errors import AnalysisFileError, MissingInputError, near_names
from bidsml.spec.patterns import matches_pattern


@dataclass(frozen=True)
class ParticipantFiles:
    """Files that a template with ``{participant}`` stands for.

    Attributes
    ----------
    template
        As the analysis spells it, for example ``{mriqc}/sub-{participant}/anat/sub-{participant}_T1w.json``.
    key
        Column of the participant labels, where such a file is a table with several rows.
    """

    template: str
    bids_dir: Path
    derivatives: Mapping[str, Path]
    key: str = ID

    def path_of(self, label: str) -> Path:
        """One participant's file, which need not exist."""
        return resolve_file(self.template, bids_dir=self.bids_dir, derivatives=self.derivatives, participant_id=label)

    def read_entries(self, names: Sequence[str], labels: Sequence[str]) -> dict[str, list[str | None]]:
        """Cells of the named entries, one per participant; ``None`` without a file or without the entry.

        Raises
        ------
        MissingInputError
            Nobody has the file, or somebody's is only a link to content that is not on this machine.
        AnalysisFileError
            An entry is in nobody's file.
        DataError
            A file is malformed.
        """
        found: dict[str, list[str | None]] = {name: [] for name in names}
        known: set[str] = set()
        n_files = 0
        for label in labels:
            path = self.path_of(label)
            table = load_table(require_content(path), key=self.key) if os.path.lexists(path) else None
            n_files += table is not None
            known |= set(table.cells) if table else set()
            for name in names:
                found[name].append(table.cell(name, label) if table is not None and name in table.cells else None)
        if not n_files:
            raise self._nobody_has_it(labels)
        for name in names:
            if name not in known:
                raise self._in_nobodys_file(name, known)
        return found

    def require_names(self, wanted: Iterable[str], labels: Iterable[str], *, patterns: bool = False) -> None:
        """Look into one file after the other until one is there and every wanted name has turned up.

        Parameters
        ----------
        patterns
            The wanted names may be shell patterns.

        Raises
        ------
        MissingInputError, AnalysisFileError, DataError
            As :meth:`read_entries`, but content that is not on this machine is passed over while others' is there.
        """
        matches: Callable[[str, str], bool] = matches_pattern if patterns else str.__eq__
        asked = tuple(labels)
        left = list(dict.fromkeys(wanted))
        known: set[str] = set()
        linked: Path | None = None
        n_files = 0
        for label in asked:
            if n_files and not left:
                return
            path = self.path_of(label)
            if not path.exists():
                linked = linked or (path if path.is_symlink() else None)
                continue
            n_files += 1
            names = load_table(require_content(path), key=self.key).cells
            known |= set(names)
            left = [name for name in left if not any(matches(one, name) for one in names)]
        if not n_files:
            if linked is not None:
                require_content(linked)
            raise self._nobody_has_it(asked)
        if left:
            raise self._in_nobodys_file(left[0], known)

    def _nobody_has_it(self, labels: Sequence[str]) -> MissingInputError:
        """Say for one participant how far the path exists, and what is there instead."""
        hint = "check the name and the -d folders"
        example = ""
        reached = -1
        for label in labels:
            path = self.path_of(label)
            parent = next(folder for folder in path.parents if folder.exists())
            if len(parent.parts) > reached:
                reached = len(parent.parts)
                lacking = path.parts[reached]
                example = f", for example {path}"
                there = sorted(entry.name for entry in parent.iterdir()) if parent.is_dir() else []
                hint = f"{parent} has no {lacking!r}; {near_names(lacking, there[:50])}"
        return MissingInputError(f"none of {len(labels)} participants has {self.template}{example}", hint=hint)

    def _in_nobodys_file(self, name: str, known: Iterable[str]) -> AnalysisFileError:
        return AnalysisFileError(f"nobody's {self.template} has an entry {name!r}", hint=near_names(name, known))
