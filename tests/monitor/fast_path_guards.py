"""Removes the guards of the fast path one at a time, and says for each whether its story then goes wrong.

`python -m tests.monitor.fast_path_guards` prints the table. A guard is one operand of a condition under which
monitor/course/fast_path.py leaves a reading to the full way (`return None`).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from monitor.course import fast_path

SOURCE = Path(fast_path.__file__)
FUNCTIONS = ("course_after", "advance_within_bands", "_same_band")


class Guard(NamedTuple):
    """One condition: the function it is in, its text, and its place among all of them."""

    function: str
    text: str
    number: int


def leaves_to_the_full_way(node: ast.AST) -> bool:
    """Whether a node is `if ...: return None`."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.body[-1], ast.Return)
        and isinstance(node.body[-1].value, ast.Constant)
        and node.body[-1].value.value is None
    )


def operands(test: ast.expr) -> list[ast.expr]:
    """The operands of an `or`; else the condition itself."""
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else [test]


def _conditions(tree: ast.Module) -> Iterator[tuple[str, ast.If]]:
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if leaves_to_the_full_way(node):
                    assert isinstance(node, ast.If)
                    yield function.name, node


def guards() -> list[Guard]:
    """All guards of the file."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    found = [(name, ast.unparse(one)) for name, node in _conditions(tree) for one in operands(node.test)]
    return [Guard(name, text, number) for number, (name, text) in enumerate(found)]


@contextmanager
def without(guard: Guard) -> Iterator[None]:
    """The fast path with one guard taken out."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    number = 0
    for _, node in _conditions(tree):
        kept: list[ast.expr] = []
        for one in operands(node.test):
            if number == guard.number:
                assert ast.unparse(one) == guard.text
            else:
                kept.append(one)
            number += 1
        node.test = ast.BoolOp(ast.Or(), kept) if len(kept) > 1 else kept[0] if kept else ast.Constant(False)
    module = ModuleType(fast_path.__name__)
    exec(compile(ast.fix_missing_locations(tree), str(SOURCE), "exec"), module.__dict__)
    whole = {name: getattr(fast_path, name) for name in FUNCTIONS}
    try:
        for name in FUNCTIONS:
            setattr(fast_path, name, getattr(module, name))
        yield
    finally:
        for name, function in whole.items():
            setattr(fast_path, name, function)


def main() -> int:
    """Prints the table; 1 when a guard may be taken out unnoticed."""
    from tests.monitor.test_fast_path_guards import STORIES, goes_wrong

    table = Table("guard", "its story", "parts in")
    unnoticed = 0
    for guard in guards():
        story = STORIES.get(guard.text)
        with without(guard):
            wrong = None if story is None else goes_wrong(story)
        unnoticed += wrong is None
        table.add_row(
            guard.text, "" if story is None else story.why, wrong.split(" after ")[0] if wrong else "NOT NOTICED"
        )
    Console(width=160).print(table)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
