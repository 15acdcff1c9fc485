"""Which arrays a frozen biomarker consists of, and what each must look like: asked before any of them is used."""

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError, near_names
from bidsml.learn.embedding import count_regions
from bidsml.learn.estimators import CATALOG
from bidsml.learn.harmonise import ComBat
from bidsml.learn.normative_layout import are_places, what_disagrees
from bidsml.records import FeatureBlock, FloatArray, FrozenModel, ModelCard

_Arrays = Mapping[str, NDArray[Any]]
_HINT = "do not use this model; get it anew from where it was made"


def check_layout(model: FrozenModel, values: FloatArray, beside: FloatArray) -> None:
    """Check that a model's arrays fit its card, each other, and the rows that it is applied to.

    Parameters
    ----------
    values, beside
        As of :func:`bidsml.learn.frozen.apply`.

    Raises
    ------
    DataError
        They do not, or the card does not describe a model.
    """
    card, arrays = model.card, model.arrays
    if card.estimator not in CATALOG:
        hint = near_names(card.estimator, CATALOG)
        raise DataError(f"the model is a {card.estimator!r}, which this bidsml does not know", hint=hint)
    if model.is_linear != CATALOG[card.estimator].linear:
        _disagree(f"a {card.estimator} {'with weights' if model.is_linear else 'without weights'}")
    if values.shape[1] != len(card.names) or beside.shape[1] != card.n_beside:
        raise DataError(
            f"the model takes {len(card.names)} features and {card.n_beside} columns beside them; "
            f"given are {values.shape[1]} and {beside.shape[1]}",
            hint="make the features with the analysis that the model comes from",
        )
    _check_card(card)
    lacking = sorted(_needed(model) - set(arrays))
    if lacking:
        raise DataError(f"the model lacks arrays: {', '.join(lacking)}", hint=_HINT)
    kept = sum(_check_block(arrays, number, block) for number, block in enumerate(card.blocks))
    _check_normative(card, arrays, kept)
    for name, shape in _shapes(model, kept).items():
        if arrays[name].shape != shape:
            _disagree(f"{name} is {arrays[name].shape}, where {shape} fits")
    for name in ("nuisance_explained_away", "combat_explained_away"):
        if name in arrays and arrays[name].dtype != bool:
            _disagree(f"{name} is not of yes and no")
    if (arrays["spread"] <= 0).any() or (arrays.get("combat_scale", np.ones(1)) <= 0).any():
        _disagree("a spread is not above 0")


def _disagree(what: str) -> NoReturn:
    raise DataError(f"the model's arrays disagree with each other or with its card: {what}", hint=_HINT)


def _check_card(card: ModelCard) -> None:
    ends = [0, *(block.stop for block in card.blocks)]
    following = all(block.start == end <= block.stop for block, end in zip(card.blocks, ends, strict=False))
    if not following or ends[-1] != len(card.names):
        _disagree(f"its feature blocks are not {len(card.names)} columns, one after the other")
    if (card.task == "regression") != (not card.classes) or len(card.classes) == 1:
        _disagree(f"a {card.task} with the classes {list(card.classes)}")
    if card.classes and (len(set(card.classes)) < len(card.classes) or card.positive not in card.classes):
        _disagree(f"the classes {list(card.classes)} with {card.positive!r} as the positive one")


def _check_normative(card: ModelCard, arrays: _Arrays, kept: int) -> None:
    if card.normative is None:
        return
    state = {name.removeprefix("normative_"): array for name, array in arrays.items() if name.startswith("normative_")}
    wrong = what_disagrees(
        state, n_sites=max(1, len(card.normative.sites)), n_covariates=len(card.normative.columns), n_features=kept
    )
    if wrong:
        _disagree(wrong)


def _check_block(arrays: _Arrays, number: int, block: FeatureBlock) -> int:
    """Check the arrays of one block; give the number of features that are kept of it."""
    prefix, width = f"block{number}_", block.stop - block.start
    if block.layout == "covariance":
        n_cells = arrays[f"{prefix}n_cells"]
        n_regions = count_regions(width) if n_cells.shape == () and n_cells == width else None
        if n_regions is None:
            _disagree(f"{prefix}n_cells is not {width}, or that is no triangle of a matrix")
        regions = _check_places(arrays, f"{prefix}regions", limit=n_regions)
        for name in ("mean", "reference", "whitening"):
            if arrays[prefix + name].shape != (regions, regions):
                _disagree(f"{prefix}{name} is {arrays[prefix + name].shape}, where {(regions, regions)} fits")
        width = regions * (regions + 1) // 2
    if block.n_topics:
        vocabulary = _check_places(arrays, f"{prefix}vocabulary", limit=width)
        components, width = arrays[f"{prefix}components"], len(np.atleast_1d(arrays[f"{prefix}components"]))
        n_tokens = arrays[f"{prefix}n_tokens"]
        if n_tokens.shape or n_tokens != block.stop - block.start or arrays[f"{prefix}idf"].shape != (vocabulary,):
            _disagree(f"{prefix}idf or n_tokens is not that of its tokens")
        if components.shape != (width, vocabulary):
            _disagree(f"{prefix}components is {components.shape}, where (…, {vocabulary}) fits")
    return _check_places(arrays, f"{prefix}keep", limit=width)


def _check_places(arrays: _Arrays, name: str, *, limit: int) -> int:
    """Check places in a list of ``limit``, each once and in order; give their number."""
    places = arrays[name]
    if not are_places(places, limit):
        _disagree(f"{name} does not tell places among {limit}")
    return int(places.size)


def _needed(model: FrozenModel) -> set[str]:
    """Names of the arrays that a model of this card consists of."""
    card = model.card
    needed = {"median", "centre", "spread", *(("coef", "intercept") if model.is_linear else ())}
    for number, block in enumerate(card.blocks):
        own: tuple[str, ...] = ()
        if block.layout == "covariance":
            own = ("regions", "mean", "n_cells", "reference", "whitening")
        elif block.n_topics:
            own = ("n_tokens", "vocabulary", "idf", "components")
        needed |= {f"block{number}_{name}" for name in ("keep", *own)}
    if card.nuisance:
        needed |= {f"nuisance_{name}" for name in ("coef", "intercept", "explained_away")}
    if card.sites:
        needed |= {f"combat_{name}" for name in ComBat.FITTED}
    return needed | (set() if card.classes else {"target_mean"})


def _shapes(model: FrozenModel, kept: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays that follow the blocks, where ``kept`` features are left of these."""
    card = model.card
    # Normative scores use up what is beside them before gaps are filled.
    filled = kept if card.normative else kept + card.n_beside
    shapes: dict[str, tuple[int, ...]] = {"median": (filled,), "centre": (kept,), "spread": (kept,)}
    if model.is_linear:
        n_outputs = len(card.classes) if len(card.classes) > 2 else 1
        shapes |= {"coef": (n_outputs, kept), "intercept": (n_outputs,)}
    if not card.classes:
        shapes["target_mean"] = ()
    if card.nuisance:
        shapes |= {f"nuisance_{name}": (kept,) for name in ("intercept", "explained_away")}
        shapes["nuisance_coef"] = (kept, len(card.nuisance))
    if card.sites:
        n_sites, n_preserved = len(card.sites), len(card.preserved)
        shapes |= {f"combat_{name}": (n_sites, kept) for name in ("shift", "scale")}
        shapes |= {f"combat_{name}": (kept,) for name in ("grand_mean", "explained_away")}
        shapes |= {
            "combat_sites": (n_sites,),
            "combat_median": (n_preserved,),
            "combat_slopes": (n_preserved, kept),
        }
    return shapes
