"""Losses of linear classifiers as forces on the margin, and their proximal maps in single precision.

A draw's labels are signs s; a training row's margin is u = s f, f its decision. A loss pulls the margin up with the
force −C ℓ'(u). Everything is divided by the splitting's step ρ: ``force`` means −C ℓ'(u) / ρ, ``bound`` C / ρ.
"""

from typing import Any, Protocol

import numpy as np

Single = np.ndarray[Any, np.dtype[np.float32]]
"""Single precision."""


class Loss(Protocol):
    """What the splitting needs of a loss."""

    def start(self, margin: Single, bound: Single) -> tuple[Single, Single]:
        """Margin and force to start from, near the margin given; each ``(n_draws, m)``."""
        ...

    def move(self, margin: Single, force: Single, step: Single, bound: Single) -> tuple[Single, Single]:
        """Move the point ``margin − force`` by ``step``; the margin and force of the new one."""
        ...


class LogisticLoss:
    """ℓ(u) = log(1 + exp(−u)).

    The proximal map has no closed form. One Newton step, on the logarithm of u − z where the force shrinks and on
    the equation itself where it grows, is enough: margin and force always belong together exactly, only the point that
    was aimed at is missed a little.
    """

    def start(self, margin: Single, bound: Single) -> tuple[Single, Single]:
        """See :class:`Loss`."""
        return margin, self._force(margin, bound)

    def move(self, margin: Single, force: Single, step: Single, bound: Single) -> tuple[Single, Single]:
        """See :class:`Loss`."""
        other = 1 - force / bound  # probability of the row's own label
        left = force - step
        near = left > force * np.float32(0.5)
        with np.errstate(over="ignore"):
            logarithm = np.log(np.where(near, left, force) / force)
            moved = margin + np.where(
                near, -logarithm / (1 / np.where(near, left, force) + other), step / (1 + force * other)
            )
            return moved, self._force(moved, bound)

    def _force(self, margin: Single, bound: Single) -> Single:
        """Say how hard the loss pulls at a margin; never quite 0, which has no logarithm."""
        return np.asarray(np.maximum(bound / (1 + np.exp(margin)), np.finfo(np.float32).tiny))


class HingeLoss:
    """ℓ(u) = max(0, 1 − u)."""

    def start(self, margin: Single, bound: Single) -> tuple[Single, Single]:
        """See :class:`Loss`."""
        return self._proximal(margin - np.float32(0.5) * bound, bound)

    def move(self, margin: Single, force: Single, step: Single, bound: Single) -> tuple[Single, Single]:
        """See :class:`Loss`."""
        return self._proximal(margin - force + step, bound)

    def _proximal(self, point: Single, bound: Single) -> tuple[Single, Single]:
        force = np.clip(1 - point, 0, bound)
        return point + force, force


class SquaredHingeLoss:
    """ℓ(u) = max(0, 1 − u)²."""

    def start(self, margin: Single, bound: Single) -> tuple[Single, Single]:
        """See :class:`Loss`."""
        force = 2 * bound * np.maximum(1 - margin, 0)
        return margin, force

    def move(self, margin: Single, force: Single, step: Single, bound: Single) -> tuple[Single, Single]:
        """See :class:`Loss`."""
        point = margin - force + step
        force = np.maximum(1 - point, 0) * (2 * bound / (1 + 2 * bound))
        return point + force, force
