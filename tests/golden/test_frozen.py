"""Rows of released builds are read and judged further, and what this build writes is read by the frozen reader of 0.2.

Red after a change of the model? Before release 0.2: `python -m tests.golden.record --frozen`. After it: the change is
not one that running tables survive; see docs/upgrade.md.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor import fact_types, model
from monitor.model import State
from monitor.record import latest_vitals, row
from monitor.record.other_builds import is_named_tuple
from tests.golden import freeze, record
from tests.golden.frozen import reader_0_2
from tests.golden.planted import agrees
from tests.golden.record import OFFSET, Kept, kept, states
from tests.golden.stepping import stepped

ROWS_0_1 = kept(freeze.FROZEN / "rows_0_1.ndjson")
ROWS_0_2 = kept(freeze.ROWS)
STATES = states()


def named(one: Kept) -> str:
    return f"{one.story} ({one.patient_id})"


@pytest.mark.parametrize("one", ROWS_0_1, ids=named)
def test_a_row_of_0_1_is_read_and_judged_further_as_the_state_in_memory(one: Kept) -> None:
    judged_on_as_in_memory(one)


@pytest.mark.parametrize("one", ROWS_0_2, ids=named)
def test_a_row_of_0_2_is_read_and_judged_further_as_the_state_in_memory(one: Kept) -> None:
    judged_on_as_in_memory(one)
    assert agrees(reader_0_2.decode(one.payload).state, row.decode(one.payload).state), "as its own build read it"


def judged_on_as_in_memory(one: Kept) -> None:
    """The row and the state that the story comes to in memory: the same alerts, the same state, no defect.

    A clinical change since the release may bring a story of today to another state: then the state that was read is
    held against itself after one more row.
    """
    read = row.decode(one.payload)
    assert read.log_offset == OFFSET
    further = stepped(one, read.state)
    today = STATES[one.story, one.patient_id]
    is_same = not is_released(one) or read.state == today
    assert further == stepped(one, today if is_same else row.decode(row.encode(read)).state)
    written = row.encode(read._replace(state=further.state))
    frozen = reader_0_2.decode(written)
    assert (frozen.log_offset, frozen.digest) == (read.log_offset, read.digest)
    assert agrees(frozen.state, further.state), "a worker of 0.2 reads what this build writes"
    assert agrees(reader_0_2.decode(reader_0_2.encode(frozen)).state, row.decode(written).state), "and hands it back"


def is_released(one: Kept) -> bool:
    return one not in ROWS_0_2 or freeze.is_released()


def test_every_rich_state_is_kept_until_the_release() -> None:
    assert len(ROWS_0_1) == 21
    assert freeze.is_released() or [one[:2] for one in ROWS_0_2] == list(STATES)


def test_the_displayed_signals_of_0_2_keep_their_places() -> None:
    assert latest_vitals.DISPLAYED[: len(reader_0_2.DISPLAYED)] == reader_0_2.DISPLAYED


def test_every_field_of_0_2_keeps_its_place() -> None:
    for kind in (each for each in vars(reader_0_2).values() if is_named_tuple(each)):
        if kind.__name__ not in ("Row", "State"):
            assert named_like(kind)._fields[: len(kind._fields)] == kind._fields
    assert State._fields[: reader_0_2.FIELDS] == reader_0_2.State._fields[:-1]
    assert State._fields[-1] == "unknown_fields"


def named_like(kind: Any) -> Any:
    """Our type of the same name."""
    name = kind.__name__
    return getattr(fact_types, name, None) or getattr(model, name, None) or getattr(row, name)


def test_the_frozen_reader_is_ours_until_the_release() -> None:
    assert freeze.is_released() or freeze.READER.read_text(encoding="utf-8") == freeze.frozen_source()


def test_the_frozen_reader_imports_nothing_of_the_product() -> None:
    tree = ast.parse(Path(reader_0_2.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names) == {"msgspec", "lz4"}


def test_frozen_files_are_written_on_request_and_never_after_the_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "CHANGELOG.md").write_text("## Unreleased\n", encoding="utf-8")
    for module, name in ((record, "ROWS"), (record, "ALERTS"), (freeze, "ROWS"), (freeze, "READER")):
        monkeypatch.setattr(module, name, tmp_path / f"{module.__name__}.{name}")
    monkeypatch.setattr(record, "states", dict)
    monkeypatch.setattr(record, "alerts", list)
    monkeypatch.setattr(freeze, "is_released", lambda: released(tmp_path))

    def written(*options: str) -> tuple[int, int]:
        result = CliRunner().invoke(record.main, options)
        return result.exit_code, len(list(tmp_path.glob("tests.golden.freeze.*")))

    assert written() == (0, 0)
    assert written("--frozen") == (0, 2)
    (tmp_path / "CHANGELOG.md").write_text("## 0.2.0 (profiles 2026.12)\n", encoding="utf-8")
    assert written("--frozen") == (1, 2)


def released(root: Path) -> bool:
    """As `freeze.is_released`, of another changelog."""
    return freeze.has_release((root / "CHANGELOG.md").read_text(encoding="utf-8"))
