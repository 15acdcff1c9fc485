"""Which estimators have a solver of many draws."""

from collections.abc import Mapping, Sequence

from bidsml.learn.fast.closed import DiscriminantSolver, RidgeComponentSolver, RidgeSolver
from bidsml.learn.fast.components import TrainingComponents, components_of_kernel
from bidsml.learn.fast.gram import TrainingKernel
from bidsml.learn.fast.margin import HingeSolver, LogisticSolver, SquaredHingeSolver
from bidsml.learn.fast.solver import ComponentSolver, KernelSolver, Point, Solver
from bidsml.learn.fitting import Recipe
from bidsml.records import IntArray

KERNEL_SOLVERS: Mapping[str, type[KernelSolver]] = {
    "ridge": RidgeSolver,
    "logistic": LogisticSolver,
    "linear_svm": SquaredHingeSolver,
    "hinge_svm": HingeSolver,
}
COMPONENT_SOLVERS: Mapping[str, type[ComponentSolver]] = {"ridge": RidgeComponentSolver, "lda": DiscriminantSolver}
SOLVERS: Mapping[str, type[Solver]] = {**COMPONENT_SOLVERS, **KERNEL_SOLVERS}


def make_solver(
    kind: str, training: TrainingKernel | TrainingComponents, tests: Sequence[IntArray], *, recipe: Recipe
) -> Solver:
    """Make the solver of a training set, from its kernel or from its components."""
    if isinstance(training, TrainingKernel):
        if kind in KERNEL_SOLVERS:
            n_points = len(recipe.grid)
            return KERNEL_SOLVERS[kind](training, tests, estimator=recipe.estimator, n_points=n_points)
        training = components_of_kernel(training)
    return COMPONENT_SOLVERS[kind](training, tests, estimator=recipe.estimator)


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
