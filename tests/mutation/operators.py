"""What a mutation changes: one small mistake in one expression or statement.

Each operator gives the changed source of a node and a name that says what was changed, such as `comparison < to <=`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple


class Change(NamedTuple):
    """A node, what replaces its source, and the operator's name."""

    node: ast.expr | ast.stmt
    source: str
    operator: str


COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
SIGNS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
}  # fmt: skip
SYMBOLS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in", ast.Add: "+", ast.Sub: "-", ast.Mult: "*",
    ast.FloorDiv: "//", ast.Div: "/", ast.And: "and", ast.Or: "or",
}  # fmt: skip
SWAPPED_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
DROPPED_CALLS = ("sorted", "abs", "round", "reversed")
# Calls that copy a state with some fields changed: a field that is left out keeps its old value.
COPYING = ("replace", "_replace")
DEFAULTS = {"bool": ("True", "False"), "int": ("0",), "float": ("0.0",), "str": ("''",), "tuple": ("()",)}


def changes(node: ast.AST, returns: str) -> Iterator[Change]:
    """Every mutation of this node alone; `returns`: the result type of its function, without parameters."""
    match node:
        case ast.Compare():
            yield from _comparison(node)
        case ast.BoolOp():
            yield from _boolean(node)
        case ast.UnaryOp(op=ast.Not()):
            yield _as(node, node.operand, "not dropped")
        case ast.UnaryOp(op=ast.USub()):
            yield _as(node, node.operand, "sign dropped")
        case ast.BinOp():
            yield from _sign(node)
        case ast.Constant():
            yield from _constant(node)
        case ast.Call():
            yield from _call(node)
        case ast.If() | ast.IfExp():
            yield from _condition(node.test)
        case ast.While():
            yield Change(node.test, "False", "condition false")
        case ast.comprehension():
            yield from (Change(test, "True", "condition true") for test in node.ifs)
        case ast.Return():
            yield from _return(node, returns)
        case ast.stmt():
            yield from _statement(node)


def _as(node: ast.expr, changed: ast.AST, operator: str) -> Change:
    return Change(node, f"({ast.unparse(changed)})", operator)


def _comparison(node: ast.Compare) -> Iterator[Change]:
    for index, found in enumerate(node.ops):
        changed = deepcopy(node)
        changed.ops[index] = COMPARISONS[type(found)]()
        yield _as(node, changed, f"comparison {SYMBOLS[type(found)]} to {SYMBOLS[COMPARISONS[type(found)]]}")


def _boolean(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.Or if isinstance(node.op, ast.And) else ast.And
    swapped = ast.BoolOp(other(), node.values)
    yield _as(node, swapped, f"boolean {SYMBOLS[type(node.op)]} to {SYMBOLS[other]}")
    for index in range(len(node.values)):
        kept = [value for number, value in enumerate(node.values) if number != index]
        fewer = kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)
        yield _as(node, fewer, f"boolean operand {index + 1} dropped")


def _sign(node: ast.BinOp) -> Iterator[Change]:
    other = SIGNS.get(type(node.op))
    if other is None or any(
        isinstance(each, ast.Constant | ast.JoinedStr) and not _number(each) for each in _ends(node)
    ):
        return
    changed = ast.BinOp(node.left, other(), node.right)
    yield _as(node, changed, f"sign {SYMBOLS[type(node.op)]} to {SYMBOLS[other]}")


def _ends(node: ast.BinOp) -> tuple[ast.expr, ast.expr]:
    return node.left, node.right


def _number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _constant(node: ast.Constant) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield Change(node, str(not node.value), f"constant {node.value} to {not node.value}")
    elif isinstance(node.value, int | float):
        for step in (1, -1):
            yield Change(node, f"({node.value + step!r})", f"constant {node.value!r} to {node.value + step!r}")


def _call(node: ast.Call) -> Iterator[Change]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if isinstance(node.func, ast.Name) and name in SWAPPED_CALLS:
        yield Change(node.func, SWAPPED_CALLS[name], f"{name} to {SWAPPED_CALLS[name]}")
    if isinstance(node.func, ast.Name) and name in DROPPED_CALLS and node.args:
        yield _as(node, node.args[0], f"call {name} dropped")
    for index, keyword in enumerate(node.keywords if name in COPYING else ()):
        fewer = [each for number, each in enumerate(node.keywords) if number != index]
        yield _as(node, ast.Call(node.func, node.args, fewer), f"field {keyword.arg} dropped")


def _condition(test: ast.expr) -> Iterator[Change]:
    yield Change(test, "True", "condition true")
    yield Change(test, "False", "condition false")


def _return(node: ast.Return, returns: str) -> Iterator[Change]:
    found = "None" if node.value is None else ast.unparse(node.value)
    for default in DEFAULTS.get(returns, ("None",)):
        if default != found:
            yield Change(node, f"return {default}", f"return {default}")


def _statement(node: ast.stmt) -> Iterator[Change]:
    match node:
        case ast.Expr(value=ast.Call()):
            yield Change(node, "pass", "call dropped")
        case ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Continue() | ast.Break():
            yield Change(node, "pass", "statement dropped")
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield Change(node, "pass", "statement dropped")
