"""The inheritance principle: which sidecars apply to a file.

BIDS 1.11, Common principles, "The Inheritance Principle": a metadata file applies to a data file when it lies in
the same folder or a parent, has the same suffix, and has no entity that the data file lacks or gives another value;
the nearer one wins.
"""

import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bidsml.bids.names import NameParts, split_name
from bidsml.bids.textfiles import read_json
from bidsml.errors import DataError, MissingInputError

_logger = logging.getLogger(__name__)


class SidecarFinder:
    """Looks for the files that apply to a data file, listing each folder once.

    Parameters
    ----------
    root
        Top folder of the dataset: nothing above it is looked at.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listings: dict[Path, list[tuple[Path, NameParts]]] = {}
        self._json: dict[Path, dict[str, Any]] = {}

    def find(
        self, folder: Path, entities: Mapping[str, str], *, suffix: str, extensions: Collection[str]
    ) -> tuple[Path, ...]:
        """Files that apply, from the farthest to the nearest; in one folder the most specific last.

        Parameters
        ----------
        folder
            Folder of the data file; need not exist.
        entities
            Of the data file, with ``sub``.
        """
        matches: list[Path] = []
        for place in self._path_from_root(folder):
            here = [
                (len(parts.entities), path)
                for path, parts in self._list(place)
                if parts.suffix == suffix
                and parts.extension in extensions
                and parts.entities.items() <= entities.items()
            ]
            matches += [path for _, path in sorted(here)]
        return tuple(matches)

    def metadata(
        self, folder: Path, entities: Mapping[str, str], *, suffix: str
    ) -> tuple[dict[str, Any], tuple[Path, ...]]:
        """Merge the JSON metadata of a data file, and say which files it came from.

        Raises
        ------
        DataError
            One of them is malformed.
        """
        paths = self.find(folder, entities, suffix=suffix, extensions=(".json",))
        merged: dict[str, Any] = {}
        for path in paths:
            if path not in self._json:
                self._json[path] = read_json(path)
            merged |= self._json[path]
        return merged, paths

    def warn_of_malformed(self) -> None:
        """Log a warning for each malformed JSON file that lies in a folder looked into and was of no use so far."""
        listed = (found for listing in self._listings.values() for found in listing)
        for path in sorted(path for path, parts in listed if parts.extension == ".json"):
            if path in self._json or not path.exists():
                continue
            try:
                self._json[path] = read_json(path)
            except (DataError, MissingInputError) as error:
                _logger.warning("%s; the file is not used", error.message)

    def _path_from_root(self, folder: Path) -> list[Path]:
        places = [folder, *folder.parents]
        return places[: places.index(self.root) + 1][::-1] if self.root in places else [folder]

    def _list(self, folder: Path) -> list[tuple[Path, NameParts]]:
        if folder not in self._listings:
            names = os.listdir(folder) if folder.is_dir() else []
            # Only files with a suffix; sub-* folders of a large dataset are not worth taking apart.
            kept = sorted(name for name in names if "." in name)
            self._listings[folder] = [(folder / name, split_name(name)) for name in kept]
        return self._listings[folder]
