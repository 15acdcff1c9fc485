"""Bring the features of another dataset under the names that a frozen biomarker knows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bidsml.errors import DataError
from bidsml.records import FeatureBlock, FeatureSet, IntArray, ModelCard

# Of a block: with more of it filled in, a prediction says more of the training people than of anybody here.
MOST_LACKING = 0.2
_SHOWN = 3


def match_features(
    features: FeatureSet, card: ModelCard, *, own_names: Sequence[bool]
) -> tuple[FeatureSet, tuple[str, ...]]:
    """Put the features of each block into the model's order, by their names.

    Parameters
    ----------
    features
        Of the other dataset.
    own_names
        For each block, whether its names come from everyone's own files, as channels of a recording do: nobody here may
        have one that somebody had in training. It is missing for everyone, and imputed as for a training person who
        lacks it; what the model does not know is left out. The other blocks may differ in their order only.

    Returns
    -------
    FeatureSet
        With the model's names and blocks, where the blocks can be matched; as it was where they cannot.
    tuple of str
        What lacks, and what was left out.

    Raises
    ------
    DataError
        More than a fifth of a block lacks.
    """
    told = [(block.name, block.kind, block.layout) for block in features.blocks]
    if told != [(block.name, block.kind, block.layout) for block in card.blocks]:
        return features, ()
    columns, notes = [], []
    for here, there, own in zip(features.blocks, card.blocks, own_names, strict=True):
        found, expected = features.names[here.start : here.stop], card.names[there.start : there.stop]
        movable = own or (here.layout == "vector" and set(found) == set(expected))
        if found != expected and not movable:
            return features, ()
        place = {name: here.start + number for number, name in enumerate(found)}
        columns.append(np.array([place.get(name, -1) for name in expected], dtype=int))
        notes += _tell(here, there, found, expected)
    chosen: IntArray = np.concatenate(columns)
    values = np.where(chosen < 0, np.nan, features.values[:, chosen])
    return replace(features, names=card.names, values=values, blocks=card.blocks), tuple(notes)


def _tell(here: FeatureBlock, there: FeatureBlock, found: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Say which features, or nodes of a matrix, lack here or are new."""
    known, asked = (set(here.nodes), there.nodes) if there.nodes else (set(found), tuple(expected))
    lacking = [name for name in asked if name not in known]
    if len(lacking) > MOST_LACKING * len(asked):
        raise DataError(
            f"block {there.name!r}: nobody here has {len(lacking)} of the {len(asked)} that the model takes "
            f"({_some(lacking)}), more than {MOST_LACKING:.0%}",
            hint="take a model of what both datasets have: name it in columns of that block, and train again",
        )
    new = sorted(known - set(asked))
    lines = []
    if lacking:
        lines.append(f"Block {there.name!r}: nobody here has {_some(lacking)}; imputed for everyone.")
    if new:
        lines.append(f"Block {there.name!r}: the model does not know {_some(new)}; left out.")
    return lines


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
