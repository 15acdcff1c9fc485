"""Which labels may change places, and the labellings of a permutation test."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
import pandas as pd

from bidsml.learn.splits import permutation_blocks
from bidsml.records import Cohort, FloatArray, Fold, IntArray
from bidsml.spec import AnalysisSpec

# Beyond this many labellings nobody asks for all of them, and counting further only costs time.
_MANY = 10**12


@dataclass(frozen=True)
class Exchange:
    """A scheme of exchange.

    Attributes
    ----------
    members
        Groups of rows that move together, one array ``(n_groups, rows_per_group)`` per group size, groups of one
        cell side by side.
    cells
        Cell of every group, one array ``(n_groups,)`` per group size, ascending: labels move within a cell.
    words
        The scheme in words.
    """

    members: tuple[IntArray, ...]
    cells: tuple[IntArray, ...]
    words: str

    def shuffle(self, target: FloatArray, draws: Sequence[int], *, seed: int) -> FloatArray:
        """Shuffle labels within cells.

        Draw ``i`` comes from ``SeedSequence(seed, spawn_key=(i,))``: neither chunks nor workers nor order change it.
        Groups are ordered by a random number within their cell, which makes every order equally likely.

        Returns
        -------
        numpy.ndarray
            One labelling a row, ``(n_draws, n)``.
        """
        n_groups = [len(cells) for cells in self.cells]
        keys = np.empty((len(draws), sum(n_groups)))
        for number, draw in enumerate(draws):
            rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(draw,))))
            rng.random(out=keys[number])
        shuffled = np.tile(np.asarray(target, dtype=float), (len(draws), 1))
        start = 0
        for members, cells in zip(self.members, self.cells, strict=True):
            # A key is below 1, so that sorting cell + key stays within the cell.
            order = np.argsort(keys[:, start : start + len(cells)] + cells, axis=1)
            shuffled[:, members] = target[members][order]
            start += len(cells)
        return shuffled

    def count(self, target: FloatArray) -> float:
        """Count the distinct labellings, the given one among them; infinite where there are very many."""
        total = 1
        for labels in self._cell_labels(target):
            total *= math.factorial(len(labels))
            for times in Counter(labels).values():
                total //= math.factorial(times)
            if total > _MANY:
                return math.inf
        return float(total)

    def others(self, target: FloatArray, first: int, count: int) -> FloatArray:
        """Enumerate the labellings that differ from the given one, in a fixed order.

        Returns
        -------
        numpy.ndarray
            Numbers ``first`` to ``first + count − 1`` of them, as far as there are so many, ``(n_found, n)``.
        """
        target = np.asarray(target, dtype=float)
        places = list(self._cell_members())
        given = list(self._cell_labels(target))
        found = []
        orders = product(*(list(_distinct_orders(labels)) for labels in given))
        different = (order for order in orders if list(order) != given)
        for order in islice(different, first, first + count):
            labelling = target.copy()
            for members, labels in zip(places, order, strict=True):
                labelling[members] = labels
            found.append(labelling)
        return np.array(found).reshape(-1, target.size)

    def _cell_members(self) -> Iterator[IntArray]:
        for members, cells in zip(self.members, self.cells, strict=True):
            for cell in np.unique(cells):
                yield members[cells == cell]

    def _cell_labels(self, target: FloatArray) -> Iterator[tuple[tuple[float, ...], ...]]:
        """Labels of every cell's groups; a group's labels stay together."""
        for members in self._cell_members():
            yield tuple(tuple(row) for row in np.asarray(target)[members].tolist())


def _distinct_orders(labels: Sequence[tuple[float, ...]]) -> Iterator[tuple[tuple[float, ...], ...]]:
    """Every distinct order of a cell's labels, lexicographically."""
    counts = Counter(labels)
    values = sorted(counts)

    def extend(prefix: tuple[tuple[float, ...], ...]) -> Iterator[tuple[tuple[float, ...], ...]]:
        if len(prefix) == len(labels):
            yield prefix
            return
        for value in values:
            if counts[value]:
                counts[value] -= 1
                yield from extend((*prefix, value))
                counts[value] += 1

    return extend(())


def plan_exchange(cohort: Cohort, folds: Sequence[Fold], spec: AnalysisSpec) -> Exchange:
    """Lay out who may change places with whom.

    Labels move within the test folds (and so within every inner fold), within sites where the analysis says so, and
    whole units only among units of equal size: a unit's labels keep the order of its rows.
    """
    within_site, whole = exchange_of(spec, cohort)
    blocks = permutation_blocks(folds, len(cohort.target))
    stratum = (
        pd.factorize(np.asarray(cohort.site, dtype=object), sort=True)[0] if within_site else np.zeros_like(blocks)
    )
    groups = _unit_rows(cohort.unit) if whole else [np.array([row]) for row in range(len(cohort.target))]
    by_size: dict[int, list[tuple[tuple[int, ...], IntArray]]] = {}
    for rows in groups:
        if (blocks[rows] >= 0).all():
            cell = (*blocks[rows].tolist(), *stratum[rows].tolist())
            by_size.setdefault(rows.size, []).append((cell, rows))
    members, cells = [], []
    for size in sorted(by_size):
        ordered = sorted(by_size[size], key=lambda entry: entry[0])
        number = {cell: index for index, cell in enumerate(dict.fromkeys(cell for cell, _ in ordered))}
        members.append(np.array([rows for _, rows in ordered]))
        cells.append(np.array([number[cell] for cell, _ in ordered]))
    return Exchange(tuple(members), tuple(cells), scheme(spec, cohort))


def scheme(spec: AnalysisSpec, cohort: Cohort) -> str:
    """Say in words which labels may change places."""
    within, whole = exchange_of(spec, cohort)
    what = "whole units among units of equal size" if whole else "labels of single participants"
    where = ", within sites" if within else ""
    return f"{what}{where}, within the test folds"


def exchange_of(spec: AnalysisSpec, cohort: Cohort) -> tuple[bool, bool]:
    """Say whether labels stay within their site, and whether units stay whole."""
    exchange = spec.inference.exchange
    has_units = len(set(cohort.unit)) < len(cohort.unit)
    if exchange == "auto":
        return bool(cohort.site), has_units
    # Rows of one unit depend on each other whatever the site, so that only "free" takes them apart.
    return exchange == "within-site", exchange == "whole" or (exchange == "within-site" and has_units)


def _unit_rows(units: Sequence[str]) -> list[IntArray]:
    numbers = pd.factorize(np.asarray(units, dtype=object), sort=True)[0]
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
