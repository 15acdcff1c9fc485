"""Evaluate ``cohort.include``: a small, safe expression language on the columns of a table."""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bidsml.errors import AnalysisFileError, near_names

MAX_LENGTH = 2000

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
# No power: 9**9**9 would keep the machine busy.
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_LANGUAGE = "use column names, numbers, 'text', [lists], + - * / %, == != < <= > >=, in, not in, and, or, not, ( )"
_QUOTED_NAME = re.compile(r"`([^`]+)`")


INCLUDE = "cohort.include"


def select(table: pd.DataFrame, expression: str, *, key: str = INCLUDE) -> NDArray[np.bool_]:
    """Say for every row whether a condition holds.

    A comparison that meets a missing value is false (``!=`` and ``not in`` too), so that nobody is included on
    the strength of a value that is not there. A column whose name is no identifier is written in backticks.

    Parameters
    ----------
    table
        One row per participant; numeric columns as numbers, others as text.
    expression
        For example ``"age >= 18 and mean_fd < 0.5 and site not in ['A', 'B']"``.
    key
        Where the analysis says it, for the message.

    Returns
    -------
    numpy.ndarray
        Booleans, ``(n_rows,)``.

    Raises
    ------
    AnalysisFileError
        The expression cannot be read, uses something outside the language, or names no column of the table.
    """
    with _named(key):
        tree, names = _parse(expression)
        value = _Evaluation(table, expression, names).visit(tree.body)
        if not (isinstance(value, np.ndarray) and value.dtype == bool):
            raise _refuse(expression, "is not a condition", "compare something, e.g. age >= 18")
    return value


def names_in(expression: str, *, key: str = INCLUDE) -> tuple[str, ...]:
    """Columns that an expression names, in order of appearance.

    Raises
    ------
    AnalysisFileError
        The expression cannot be read.
    """
    with _named(key):
        tree, names = _parse(expression)
    found = [names.get(node.id, node.id) for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(found))


def _parse(expression: str) -> tuple[ast.Expression, dict[str, str]]:
    if len(expression) > MAX_LENGTH:
        raise _refuse(expression[:40] + "…", f"is longer than {MAX_LENGTH} characters", "shorten it")
    names: dict[str, str] = {}

    def placeholder(match: re.Match[str]) -> str:
        name = f"_quoted_{len(names)}"
        names[name] = match[1]
        return name

    try:
        return ast.parse(_QUOTED_NAME.sub(placeholder, expression).strip(), mode="eval"), names
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise _refuse(expression, f"cannot be read: {error}", _LANGUAGE) from error


class _ConditionError(Exception):
    """What is wrong with a condition, wherever the analysis says it."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


@contextmanager
def _named(key: str) -> Iterator[None]:
    try:
        yield
    except _ConditionError as error:
        raise AnalysisFileError(f"{key} = {error.problem}", hint=error.hint) from error


def _refuse(expression: str, problem: str, hint: str) -> _ConditionError:
    return _ConditionError(f"{expression!r} {problem}", hint)


class _Evaluation:
    """Walk an expression's tree; anything outside the language is refused."""

    def __init__(self, table: pd.DataFrame, expression: str, names: Mapping[str, str]) -> None:
        self.table = table
        self.expression = expression
        self.names = names

    def visit(self, node: ast.AST) -> Any:
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise _refuse(self.expression, f"uses {type(node).__name__}, which is not allowed", _LANGUAGE)
        return method(node)

    def _name(self, node: ast.Name) -> Any:
        name = self.names.get(node.id, node.id)
        if name not in self.table:
            columns = [str(column) for column in self.table]
            raise _refuse(self.expression, f"names an unknown column {name!r}", near_names(name, columns))
        column = self.table[name]
        if pd.api.types.is_numeric_dtype(column):
            return column.to_numpy(dtype=float, na_value=np.nan)
        return np.array([None if pd.isna(v) else str(v) for v in column], dtype=object)

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str):
            return node.value
        if isinstance(node.value, (int, float)):
            return float(node.value)
        raise _refuse(self.expression, f"holds the value {node.value!r}, neither number nor text", _LANGUAGE)

    def _list(self, node: ast.List | ast.Tuple) -> list[Any]:
        return [self.visit(element) for element in node.elts]

    _tuple = _list

    def _boolop(self, node: ast.BoolOp) -> Any:
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce([self._condition(value) for value in node.values])

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return ~self._condition(node.operand)
        if isinstance(node.op, ast.USub):
            return -self._number(node.operand)
        raise _refuse(self.expression, f"uses {type(node.op).__name__}, which is not allowed", _LANGUAGE)

    def _binop(self, node: ast.BinOp) -> Any:
        operation = _ARITHMETIC.get(type(node.op))
        if operation is None:
            raise _refuse(self.expression, f"uses {type(node.op).__name__}, which is not allowed", _LANGUAGE)
        with np.errstate(divide="ignore", invalid="ignore"):
            return operation(np.asarray(self._number(node.left)), np.asarray(self._number(node.right)))

    def _compare(self, node: ast.Compare) -> Any:
        values = [self.visit(part) for part in (node.left, *node.comparators)]
        pairs = zip(values, values[1:], node.ops, strict=False)
        holds = [self._holds(left, right, comparison) for left, right, comparison in pairs]
        return np.logical_and.reduce(holds)

    def _holds(self, left: Any, right: Any, comparison: ast.cmpop) -> NDArray[np.bool_]:
        if isinstance(comparison, (ast.In, ast.NotIn)):
            if not isinstance(right, list):
                raise _refuse(self.expression, "uses 'in' without a [list]", "e.g. site in ['A', 'B']")
            matches = [self._holds(left, element, ast.Eq()) for element in right]
            among = np.logical_or.reduce(matches) if matches else np.zeros(len(self.table), dtype=bool)
            return among if isinstance(comparison, ast.In) else ~among & ~_missing(left, len(self.table))
        operation = _COMPARISONS.get(type(comparison))
        if operation is None or isinstance(left, list) or isinstance(right, list):
            raise _refuse(self.expression, "compares in a way that is not allowed", _LANGUAGE)
        if _is_text(left) != _is_text(right):
            raise _refuse(
                self.expression,
                "compares text with a number",
                "put text in quotes; a column with any cell that is no number is text",
            )
        n = len(self.table)
        usable = ~_missing(left, n) & ~_missing(right, n)
        holds = np.zeros(n, dtype=bool)
        left, right = (np.broadcast_to(np.asarray(side), n)[usable] for side in (left, right))
        holds[usable] = operation(left, right).astype(bool)
        return holds

    def _condition(self, node: ast.AST) -> Any:
        value = self.visit(node)
        if not (isinstance(value, np.ndarray) and value.dtype == bool):
            raise _refuse(self.expression, "joins something that is not a condition", "compare it, e.g. age >= 18")
        return value

    def _number(self, node: ast.AST) -> Any:
        value = self.visit(node)
        if isinstance(value, list) or _is_text(value) or np.asarray(value).dtype.kind == "b":
            raise _refuse(self.expression, "calculates with something that is not a number", _LANGUAGE)
        return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype == object)


def _missing(value: Any, n: int) -> NDArray[np.bool_]:
    return np.broadcast_to(np.asarray(pd.isna(value)), n)
