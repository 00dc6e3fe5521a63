"""The JSON Schemas are generated: checked-in copies equal the models, and every field says what it is."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from agents.cli.schemas import command
from schemas import alerts, dead_letters, events, export, state

MODULES: tuple[ModuleType, ...] = (alerts, dead_letters, events, state)
MODELS = [
    model
    for module in MODULES
    for _, model in inspect.getmembers(module, inspect.isclass)
    if issubclass(model, BaseModel) and model.__module__ == module.__name__
]
# How a field's name ends when it holds a quantity, and how a reader finds the unit in its description.
UNITS = {
    "_celsius": "°C",
    "_mmhg": "mmHg",
    "_percent": "%",
    "_per_min": "/min",
    "_fraction": "fraction",
    "_kg": "kg",
    "_years": "years",
    "_per_ul": "/µl",
    "_mg": "mg",
}


def test_checked_in_copies_are_as_the_models_say() -> None:
    assert export.differing() == []


def test_generating_twice_gives_the_same_bytes() -> None:
    assert export.documents() == export.documents()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_and_field_says_what_it_is(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_quantity_says_its_unit(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        for ending, unit in UNITS.items():
            if name.endswith(ending):
                assert unit in (field.description or ""), name


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path)]
    assert CliRunner().invoke(command, out).exit_code == 0
    assert CliRunner().invoke(command, [*out, "--check"]).exit_code == 0
    alert = tmp_path / "alert.json"
    alert.write_text(alert.read_text(encoding="utf-8").replace("Grade", "Rank"), encoding="utf-8")
    checked = CliRunner().invoke(command, [*out, "--check"])
    assert checked.exit_code == 1
    assert "alert.json" in checked.output


@pytest.mark.parametrize("stray", ["forgotten.json"])
def test_a_document_that_no_model_makes_is_found(tmp_path: Path, stray: str) -> None:
    export.write(tmp_path)
    (tmp_path / stray).write_text("{}", encoding="utf-8")
    assert export.differing(tmp_path) == [stray]
