"""Where the files of a modality are looked for, and which of them are wanted."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bidsml.bids.candidates import rank_entities
from bidsml.bids.names import split_name
from bidsml.errors import MissingInputError, near_names
from bidsml.spec import FeatureSpec


@dataclass(frozen=True)
class Search:
    """Where to look.

    Attributes
    ----------
    derivatives
        Folders by the names that ``--derivatives`` gave them.
    sessions, tasks
        Labels that are wanted; empty: all.
    space
        ``input.space`` of the analysis; empty: any.
    """

    bids_dir: Path
    derivatives: Mapping[str, Path]
    sessions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    space: str = ""

    def folder_of(self, feature: FeatureSpec, *, default: str) -> tuple[str, Path]:
        """Name and path of the derivatives folder that a block reads.

        Raises
        ------
        MissingInputError
            It was not given.
        """
        name = feature.derivative or default
        if name in self.derivatives:
            return name, self.derivatives[name]
        hint = f"give -d {name}=PATH"
        usual = self.bids_dir / "derivatives" / name
        if usual.is_dir():
            hint = f"give -d {name}={usual}"
        elif self.derivatives:
            hint += f", or set derivative in the block to a name that was given; {near_names(name, self.derivatives)}"
        raise MissingInputError(f"kind {feature.kind!r} reads a folder {name!r} that was not given", hint=hint)

    def walk(
        self, root: Path, participant_id: str, *, datatypes: Collection[str], suffix: str, extensions: Collection[str]
    ) -> Iterator[tuple[Path, dict[str, str]]]:
        """Files of a participant in ``sub-X/[ses-Y/]<datatype>/``, by session, task and run, with their entities.

        Yields
        ------
        path
            Its name begins with the participant's label.
        entities
            Of the name, without ``sub``.
        """
        own = root / f"sub-{participant_id}"
        found = []
        for place in (own, *sorted(own.glob("ses-*"))):
            for path in (file for datatype in sorted(datatypes) for file in (place / datatype).glob("*")):
                parts = split_name(path)
                entities = dict(parts.entities)
                mine = entities.pop("sub", "") == participant_id
                if mine and (parts.suffix, parts.extension in extensions) == (suffix, True) and self.wants(entities):
                    found.append((path, entities))
        yield from sorted(found, key=lambda one: (rank_entities(one[1]), one[0]))

    def wants(self, entities: Mapping[str, str]) -> bool:
        """Whether session, task and space of a file are asked for; a file of no task or space passes that filter."""
        if self.sessions and entities.get("ses", "") not in self.sessions:
            return False
        if self.tasks and "task" in entities and entities["task"] not in self.tasks:
            return False
        return not (self.space and "space" in entities and entities["space"] != self.space)
