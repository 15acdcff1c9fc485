"""Contrasts of task conditions, written as sums of trial types: ``(happy + sad) / 2 - neutral``."""

import ast
import re
from collections.abc import Collection

from bidsml.errors import AnalysisFileError, near_names

Weights = dict[str, float]


def parse_contrast(expression: str, conditions: Collection[str]) -> Weights:
    """Weight of each condition in a contrast.

    Trial types may hold hyphens, spaces and the like; the longest that fits is taken first.

    Parameters
    ----------
    expression
        Trial types with ``+``, ``-``, numbers, ``*``, ``/`` and brackets.
    conditions
        Trial types that there are.

    Returns
    -------
    dict
        Weight by trial type; those that cancel out or do not occur are left out.

    Raises
    ------
    AnalysisFileError
        A name is no trial type, or the expression is not linear in them.
    """
    names = sorted(conditions, key=len, reverse=True)
    standins = {f"_{number}_": name for number, name in enumerate(names)}
    found = {name: standin for standin, name in standins.items()}
    text = expression
    if names:
        pattern = r"(?<!\w)(" + "|".join(map(re.escape, names)) + r")(?!\w)"
        text = re.sub(pattern, lambda match: found[match.group(1)], expression)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise _not_linear(expression) from error
    constant, weights = _evaluate(tree, standins, expression)
    if constant or not any(weights.values()):
        raise _not_linear(expression)
    return {name: weight for name, weight in weights.items() if weight}


def _evaluate(node: ast.expr, standins: dict[str, str], expression: str) -> tuple[float, Weights]:
    """Constant part and weights of a part of the expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return float(node.value), {}
    if isinstance(node, ast.Name):
        if node.id not in standins:
            raise AnalysisFileError(
                f"contrast {expression!r}: there is no trial type {node.id!r}",
                hint=near_names(node.id, standins.values()),
            )
        return 0.0, {standins[node.id]: 1.0}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        return _scale(_evaluate(node.operand, standins, expression), -1.0 if isinstance(node.op, ast.USub) else 1.0)
    if isinstance(node, ast.BinOp):
        left, right = (_evaluate(side, standins, expression) for side in (node.left, node.right))
        if isinstance(node.op, (ast.Add, ast.Sub)):
            constant, weights = _scale(right, 1.0 if isinstance(node.op, ast.Add) else -1.0)
            merged = {name: left[1].get(name, 0.0) + weights.get(name, 0.0) for name in {**left[1], **weights}}
            return left[0] + constant, merged
        if isinstance(node.op, ast.Mult) and not (left[1] and right[1]):
            return _scale(left, right[0]) if left[1] else _scale(right, left[0])
        if isinstance(node.op, ast.Div) and not right[1] and right[0]:
            return _scale(left, 1 / right[0])
    raise _not_linear(expression)


def _scale(part: tuple[float, Weights], factor: float) -> tuple[float, Weights]:
    return part[0] * factor, {name: weight * factor for name, weight in part[1].items()}


def _not_linear(expression: str) -> AnalysisFileError:
    return AnalysisFileError(
        f"contrast {expression!r} is not a weighted sum of trial types",
        hint="write for example 'face - house' or '(happy + sad) / 2 - neutral'",
    )
