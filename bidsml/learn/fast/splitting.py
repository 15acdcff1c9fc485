"""Douglas–Rachford splitting of many draws at once, with Anderson mixing.

A linear classifier with an L2 penalty minimises, over the decisions f of the training rows,
½ (f − b)ᵀ K⁻¹ (f − b) + C Σ ℓ(s f). The splitting (Lions and Mercier 1979, doi 10.1137/0716071) alternates between the
loss, row by row, and the penalty, whose resolvent J = ρ (K⁻¹ + ρ)⁻¹ is one fixed matrix: an iteration of all draws is
one product of matrices. Anderson mixing (Walker and Ni 2011, doi 10.1137/10078356X) combines the last steps of each
draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from bidsml.learn.fast.losses import Loss, Single
from bidsml.records import FloatArray

# Largest step of a decision against the mean force and the decisions' spread.
_TOLERANCE = 1e-5
_WINDOW = 5
_MAX_ITERATIONS = 200
# Rows of one product: their state stays in the processor's cache.
_ROWS = 128
_DAMPING = 1e-7


@dataclass(frozen=True)
class Resolvent:
    """J = ρ (K⁻¹ + ρ)⁻¹ of a penalty, in both precisions, and the ρ it was made with."""

    double: FloatArray
    single: FloatArray
    rho: float


def make_resolvent(kernel: FloatArray, rho: float, *, free_intercept: bool) -> Resolvent:
    """Build the resolvent of a kernel ``(m, m)``.

    With a free intercept the kernel counts as K + ∞ 1 1ᵀ: with B = (1 + ρK)⁻¹, J = 1 − B + B 1 1ᵀ B / 1ᵀ B 1.
    """
    m = len(kernel)
    scaled = rho * kernel
    scaled[np.diag_indices(m)] += 1.0
    factor = linalg.cho_factor(scaled, lower=True, overwrite_a=True, check_finite=False)
    inverse = linalg.cho_solve(factor, np.eye(m), overwrite_b=True, check_finite=False)
    double = -inverse
    double[np.diag_indices(m)] += 1.0
    if free_intercept:
        ones = inverse.sum(axis=0)
        double += np.outer(ones, ones) / ones.sum()
    double = (double + double.T) / 2
    return Resolvent(double, double.astype(np.float32), rho)


@dataclass(frozen=True)
class Solution:
    """Where the splitting stopped.

    Attributes
    ----------
    dual
        Dual coefficients a, ``(n_draws, m)``: the decisions are K a and the intercept, to rounding.
    decision
        Decisions of the training rows, ``(n_draws, m)``.
    converged
        ``(n_draws,)``.
    """

    dual: FloatArray
    decision: FloatArray
    converged: np.ndarray


def split(resolvent: Resolvent, loss: Loss, signs: FloatArray, *, bound: FloatArray, margin: FloatArray) -> Solution:
    """Solve all draws.

    Parameters
    ----------
    signs
        Labels −1 and 1, ``(n_draws, m)``.
    bound
        C / ρ of every row, ``(n_draws, m)``.
    margin
        Margins to start from, ``(n_draws, m)``.
    """
    shape = signs.shape
    solution = Solution(np.empty(shape), np.empty(shape), np.zeros(len(signs), dtype=bool))
    for start in range(0, len(signs), _ROWS):
        rows = slice(start, start + _ROWS)
        state = [np.ascontiguousarray(array[rows], dtype=np.float32) for array in (signs, bound, margin)]
        _split_rows(resolvent, loss, state, _part(solution, rows))
    return solution


def _part(solution: Solution, rows: slice) -> Solution:
    return Solution(solution.dual[rows], solution.decision[rows], solution.converged[rows])


def _split_rows(resolvent: Resolvent, loss: Loss, state: Sequence[Single], found: Solution) -> None:
    """Iterate some draws together; a draw that has converged leaves."""
    signs, bound, margin = state
    active = np.arange(len(signs))
    margin, force = loss.start(margin, bound)
    image = (margin + force) * signs
    # Summed up in double precision from products of the change in single: its error stays that of one product.
    decision = image.astype(float) @ resolvent.double
    mixing = _Mixing(len(signs), signs.shape[1])
    for iteration in range(_MAX_ITERATIONS):
        residual, done = _residual(decision, signs, margin, force)
        if done.any():
            # What has piled up in the products of single precision must not pass for convergence.
            decision[done] = image[done].astype(float) @ resolvent.double
            residual, confirmed = _residual(decision, signs, margin, force)
            done &= confirmed
        # A draw that runs away leaves as well, not converged.
        lost = ~np.isfinite(residual).all(axis=1)
        last = iteration == _MAX_ITERATIONS - 1
        if done.any() or lost.any() or last:
            leaving = np.ones_like(done) if last else done | lost
            found.decision[active[leaving]] = decision[leaving]
            # The penalty's dual, not the loss's: the kernel would blow up what the two still differ by.
            found.dual[active[leaving]] = resolvent.rho * (image[leaving] - decision[leaving])
            found.converged[active[leaving]] = done[leaving]
            stays = np.flatnonzero(~leaving)
            if not stays.size:
                return
            active, signs, bound = active[stays], signs[stays], bound[stays]
            margin, force, image = margin[stays], force[stays], image[stays]
            decision, residual = decision[stays], residual[stays]
            mixing.keep(stays)
        step = mixing.step(margin - force, residual)
        margin, force = loss.move(margin, force, step, bound)
        moved = (margin + force) * signs
        with np.errstate(invalid="ignore", over="ignore"):
            decision = decision + (moved - image) @ resolvent.single
        image = moved


def _residual(decision: FloatArray, signs: Single, margin: Single, force: Single) -> tuple[Single, np.ndarray]:
    """Say what the two sides' margins differ by, ``(n_draws, m)``, and which draws have converged."""
    residual = (decision * signs - margin).astype(np.float32)
    scale = np.minimum(force.mean(axis=1), decision.std(axis=1))
    return residual, np.abs(residual).max(axis=1) <= _TOLERANCE * scale


class _Mixing:
    """Anderson mixing, draw by draw: the combination of past steps with the smallest residual, least squares."""

    def __init__(self, n_draws: int, m: int) -> None:
        self.changes = np.zeros((n_draws, _WINDOW, m), np.float32)  # of the residual
        self.moves = np.zeros((n_draws, _WINDOW, m), np.float32)  # of point and residual together
        self.products = np.zeros((n_draws, _WINDOW, _WINDOW), np.float32)
        self.count = 0
        self.point: Single = np.empty(0, np.float32)
        self.residual: Single = self.point

    def keep(self, draws: np.ndarray) -> None:
        """Go on with some draws only."""
        self.changes, self.moves, self.products = self.changes[draws], self.moves[draws], self.products[draws]
        if self.count:
            self.point, self.residual = self.point[draws], self.residual[draws]

    def step(self, point: Single, residual: Single) -> Single:
        """Say how far to move, from every draw's point and residual ``(n_draws, m)``."""
        step = residual
        if self.count:
            slot, used = (self.count - 1) % _WINDOW, min(self.count, _WINDOW)
            change = residual - self.residual
            self.changes[:, slot] = change
            self.moves[:, slot] = point - self.point + change
            past = self.changes[:, :used]
            both = np.matmul(past, np.stack([change, residual], axis=2))  # (n_draws, used, 2)
            self.products[:, slot, :used] = self.products[:, :used, slot] = both[:, :, 0]
            gram = self.products[:, :used, :used].astype(float)
            damping = _DAMPING * np.trace(gram, axis1=1, axis2=2) + np.finfo(float).tiny
            weights = np.linalg.solve(gram + damping[:, None, None] * np.eye(used), both[:, :, 1:].astype(float))
            step = residual - np.matmul(weights.astype(np.float32).transpose(0, 2, 1), self.moves[:, :used])[:, 0]
        self.point, self.residual = point, residual
        self.count += 1
        return step
