"""Which estimators have a solver of many draws."""

from collections.abc import Mapping

from bidsml.learn.fast.closed import DiscriminantSolver, RidgeSolver
from bidsml.learn.fast.margin import HingeSolver, LogisticSolver, SquaredHingeSolver
from bidsml.learn.fast.solver import Point, Solver
from bidsml.learn.fitting import Recipe

SOLVERS: Mapping[str, type[Solver]] = {
    "ridge": RidgeSolver,
    "lda": DiscriminantSolver,
    "logistic": LogisticSolver,
    "linear_svm": SquaredHingeSolver,
    "hinge_svm": HingeSolver,
}


def grid_points(kind: str, recipe: Recipe) -> tuple[Point, ...]:
    """Grid points with the penalty spelt out, where the grid leaves it to the estimator."""
    name = SOLVERS[kind].penalty
    return tuple({name: getattr(recipe.estimator, name), **point} for point in recipe.grid)


def why_not_fast(kind: str, recipe: Recipe) -> str | None:
    """Say why draws of an estimator must be fitted one by one; ``None`` where they need not."""
    if kind not in SOLVERS:
        return f"{kind} has no closed or batched solution"
    other = sorted({name for point in recipe.grid for name in point} - {SOLVERS[kind].penalty})
    if other:
        return f"its grid tunes {', '.join(other)}"
    if kind == "ridge":
        return "class weights change the fit with the labels" if recipe.weighted else None
    if recipe.task == "regression":
        return f"{kind} of a regression has no batched solution"
    return "more than two classes" if recipe.n_classes != 2 else None
