"""Mutants: each operator makes the mistake that it names, and ids survive what is added above them."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.__main__ import sampled
from tests.mutation.mutants import ROOT, mutants_below, mutants_of

SOURCE = """
from dataclasses import replace

LIMIT = 8

def grade(value: float, known: bool) -> int:
    if value < 3 and known:  # low
        return 2
    return 1
"""


def made(body: str, returns: str = "") -> dict[str, str]:
    """Operator -> the changed line, for a function of one line."""
    arrow = f" -> {returns}" if returns else ""
    source = f"def f(a, b, state){arrow}:\n    {body}\n"
    return {m.id.split("::")[2]: m.applied_to(source).splitlines()[1].strip() for m in mutants_of(source, "f.py")}


@pytest.mark.parametrize(
    ("body", "operator", "changed"),
    [
        ("x = a < b", "comparison < to <=", "x = (a <= b)"),
        ("x = a >= b", "comparison >= to >", "x = (a > b)"),
        ("x = a == b", "comparison == to !=", "x = (a != b)"),
        ("x = a is None", "comparison is to is not", "x = (a is not None)"),
        ("x = a in b", "comparison in to not in", "x = (a not in b)"),
        ("x = a and b", "boolean and to or", "x = (a or b)"),
        ("x = a or b", "boolean operand 1 dropped", "x = (b)"),
        ("x = a or b", "boolean operand 2 dropped", "x = (a)"),
        ("x = not a", "not dropped", "x = (a)"),
        ("x = -a", "sign dropped", "x = (a)"),
        ("x = a + b", "sign + to -", "x = (a - b)"),
        ("x = a * b", "sign * to //", "x = (a // b)"),
        ("x = 8", "constant 8 to 9", "x = (9)"),
        ("x = 8", "constant 8 to 7", "x = (7)"),
        ("x = 38.0", "constant 38.0 to 39.0", "x = (39.0)"),
        ("x = True", "constant True to False", "x = False"),
        ("x = min(a, b)", "min to max", "x = max(a, b)"),
        ("x = any(a)", "any to all", "x = all(a)"),
        ("x = sorted(a)", "call sorted dropped", "x = (a)"),
        ("x = replace(state, a=a, b=b)", "field a dropped", "x = (replace(state, b=b))"),
        ("a.append(b)", "call dropped", "pass"),
        ("a.b = b", "statement dropped", "pass"),
        ("a += b", "statement dropped", "pass"),
        ("x = a if b else state", "condition true", "x = a if True else state"),
        ("x = a if b else state", "condition false", "x = a if False else state"),
        ("x = [a for a in b if a]", "condition true", "x = [a for a in b if True]"),
    ],
)
def test_an_operator_makes_its_mistake(body: str, operator: str, changed: str) -> None:
    assert made(body)[operator] == changed


@pytest.mark.parametrize(
    ("returns", "defaults"),
    [("", {"None"}), ("bool", {"True", "False"}), ("int", {"0"}), ("str", {"''"}), ("tuple[int, ...]", {"()"})],
)
def test_a_function_returns_the_default_of_its_type(returns: str, defaults: set[str]) -> None:
    assert {line.removeprefix("return ") for operator, line in made("return a", returns).items()} == defaults


def test_what_has_no_behaviour_is_left_alone() -> None:
    assert made("assert a < 3") == {}
    assert made('x = f"{a + 1}"') == {}
    assert made("x: int | None") == {}
    assert made("x = 'a' + b") == {}


def test_every_mutant_of_the_judgement_is_python_and_has_an_id_of_its_own() -> None:
    mutants = mutants_below(ROOT, ["monitor/units.py", "monitor/alerts/rules.py", "agents/engine"])
    assert len(mutants) > 500
    assert len({mutant.id for mutant in mutants}) == len(mutants)
    for mutant in mutants[::7]:
        source = (ROOT / mutant.file).read_text(encoding="utf-8")
        assert mutant.applied_to(source) != source
        ast.parse(mutant.applied_to(source))


def test_ids_survive_what_is_added_above_and_beside() -> None:
    shifted = SOURCE.replace("LIMIT", "# A new line.\n\n\nLIMIT").replace("  # low", "    # said otherwise")
    shifted = shifted.replace("def grade", "def new():\n    return None\n\n\ndef grade")
    ids = [mutant.id for mutant in mutants_of(SOURCE, "f.py")]
    assert ids == [mutant.id for mutant in mutants_of(shifted, "f.py") if "::new::" not in mutant.id]
    assert "f.py::grade::comparison < to <=::if value < 3 and known:" in ids
    assert "f.py::module::constant 8 to 9::LIMIT = 8" in ids


def test_identical_mistakes_are_numbered() -> None:
    ids = [mutant.id for mutant in mutants_of("def f(a, b):\n    return a < 1 or b < 1\n", "f.py")]
    name = "f.py::f::comparison < to <=::return a < 1 or b < 1"
    assert [each for each in ids if each.startswith(name)] == [name, f"{name}#2"]


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    mutants = mutants_below(ROOT, ["monitor/alerts/rules.py"])
    assert sampled(mutants, 20, seed=5) == sampled(mutants, 20, seed=5) != sampled(mutants, 20, seed=6)
    assert len(sampled(mutants, 10_000, seed=5)) == len(mutants)
