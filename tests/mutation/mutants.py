"""Mutants of a file, each with an id that stays the same when lines above it are added or removed.

An id is `file::function::operator::line`: the qualified name, what was changed, and the line without indentation and
comment. Identical ones are numbered: `#2`, `#3`.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.operators import Change, changes

ROOT = Path(__file__).parents[2]
DEFAULT_PATHS = ("monitor", "agents/engine")
MODULE = "module"


@dataclass(frozen=True)
class Mutant:
    """One mistake: where it is and the bytes that it replaces."""

    id: str
    file: str
    function: str
    line: int
    start: int
    end: int
    replacement: str

    def is_outside_functions(self) -> bool:
        """Whether it changes what happens at import; judging that takes a fresh interpreter."""
        return self.function == MODULE or self.function.rpartition(".")[2].lstrip("_")[0].isupper()

    def applied_to(self, source: str) -> str:
        """The source of the file with this mistake in it."""
        data = source.encode()
        return (data[: self.start] + self.replacement.encode() + data[self.end :]).decode()


def mutants_below(root: Path, paths: Iterable[str] = DEFAULT_PATHS) -> list[Mutant]:
    """Every mutant of the Python files below these paths, in the order of paths, files and lines."""
    files = dict.fromkeys(file for path in paths for file in sorted(_files(root / path)))
    return [
        mutant
        for file in files
        for mutant in mutants_of(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix())
    ]


def _files(path: Path) -> Iterable[Path]:
    if not path.exists():
        raise FileNotFoundError(path)
    return [path] if path.is_file() else path.rglob("*.py")


def mutants_of(source: str, file: str) -> list[Mutant]:
    """Every mutant of one file."""
    lines = _Lines(source)
    seen: Counter[str] = Counter()
    found = []
    for change, function in _Finder().changes_in(ast.parse(source)):
        name = "::".join((file, function, change.operator, lines.normalised(change.node.lineno)))
        seen[name] += 1
        number = f"#{seen[name]}" if seen[name] > 1 else ""
        start, end = lines.span(change.node)
        found.append(Mutant(name + number, file, function, change.node.lineno, start, end, change.source))
    return found


class _Lines:
    """Lines and byte positions of a source."""

    def __init__(self, source: str) -> None:
        self._lines = source.splitlines(keepends=True)
        self._begins = [0]
        for line in self._lines:
            self._begins.append(self._begins[-1] + len(line.encode()))
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        self._comments = {each.start[0]: each.start[1] for each in tokens if each.type == tokenize.COMMENT}

    def normalised(self, number: int) -> str:
        """The line without comment, indentation and double spaces."""
        line = self._lines[number - 1]
        return " ".join(line[: self._comments.get(number)].split())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """The first byte of a node and the byte after it."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._begins[node.lineno - 1] + node.col_offset, self._begins[node.end_lineno - 1] + node.end_col_offset


class _Finder:
    """Walks through a module, without what has no behaviour to test: annotations, assertions and f-strings."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._returns = ""

    def changes_in(self, node: ast.AST) -> Iterator[tuple[Change, str]]:
        """Each change with the qualified name of its function."""
        if isinstance(node, ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom) or _for_types_only(node):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from self._inside(node)
            return
        name = ".".join(self._names) or MODULE
        yield from ((change, name) for change in changes(node, self._returns))
        for child in _children(node):
            yield from self.changes_in(child)

    def _inside(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[tuple[Change, str]]:
        outer = self._returns
        self._names.append(node.name)
        returns = getattr(node, "returns", None)
        self._returns = "" if returns is None else ast.unparse(returns).partition("[")[0]
        defaults = [] if isinstance(node, ast.ClassDef) else [*node.args.defaults, *node.args.kw_defaults]
        for child in (*defaults, *node.body):
            if child is not None:
                yield from self.changes_in(child)
        self._names.pop()
        self._returns = outer


def _children(node: ast.AST) -> Iterator[ast.AST]:
    left_out = [getattr(node, name, None) for name in ("annotation", "returns", "type_params")]
    return (child for child in ast.iter_child_nodes(node) if child not in left_out)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
