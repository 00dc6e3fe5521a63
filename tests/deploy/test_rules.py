"""Every Prometheus rule fires when it should, is silent when it should be, and has a page in the runbook."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import agents.board.metrics
import agents.dispatch.metrics
import agents.history.metrics
import agents.platform.fail_stop
import agents.stream.metrics
import agents.stream.ward_collector  # noqa: F401  (each registers its metrics)
from tests.deploy.tools import DEPLOY, ROOT, one, passes, run

PROMETHEUS = DEPLOY / "prometheus"
FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for path in FILES for group in one(path)["groups"] for rule in group["rules"]
}
CASES = [case for path in TESTS for case in one(path)["tests"]]
SEVERITIES = {"critical", "warning", "info", "none"}


def test_promtool_accepts_rules_and_configuration() -> None:
    passes("promtool", "check", "rules", *FILES)
    passes("promtool", "check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_fire_and_are_silent_as_written(path: Path) -> None:
    passes("promtool", "test", "rules", path)


def test_every_rule_is_tested_both_ways() -> None:
    fires, silent = Counter[str](), Counter[str]()
    for case in CASES:
        for check in case["alert_rule_test"]:
            (fires if check["exp_alerts"] else silent)[check["alertname"]] += 1
    assert set(fires) == set(RULES), "a rule that was never seen firing"
    assert set(silent) == set(RULES), "a rule that was never seen being silent"


@pytest.mark.parametrize(("expression", "kind"), [("vector(1)", "silent"), ("vector(1) > 1", "firing")])
def test_a_broken_rule_fails_its_test(tmp_path: Path, expression: str, kind: str) -> None:
    """With every rule always firing, every silent case must fail; with none ever firing, every other."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    for path in FILES:
        broken = one(path)
        for rule in broken["groups"][0]["rules"]:
            rule["expr"] = expression
            rule.pop("for", None)
        (tmp_path / "rules" / path.name).write_text(yaml.safe_dump(broken), encoding="utf-8")
    for path in TESTS:
        (tmp_path / "tests" / path.name).write_bytes(path.read_bytes())
    done = run("promtool", "test", "rules", *sorted((tmp_path / "tests").glob("*.yml")))
    failed = set(re.findall(r"alertname:\s*(\w+)", done.stdout + done.stderr))
    assert done.returncode != 0
    assert failed == set(RULES), f"rules whose '{kind}' case would not notice"


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_to_do(name: str) -> None:
    rule, runbook = RULES[name], (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
    page = runbook.partition(f"\n### {name}\n")[2].partition("\n#")[0]
    for part in (f"Severity: {rule['labels']['severity']}.", "**Look at**", "**Do**"):
        assert part in page, f"the runbook's page on {name} lacks {part}"


def test_the_runbook_has_no_page_without_a_rule_and_no_dead_link() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (\w+)$", runbook, re.MULTILINE)) == set(RULES)
    assert set(re.findall(r"\]\(#(\w+)\)", runbook)) <= {name.lower() for name in RULES}


def test_rules_use_metrics_that_are_declared() -> None:
    """A renamed metric would make a rule silent for ever. That they are produced: test_metrics_produced.py."""
    there = {sample for family in REGISTRY.collect() for sample in (family.name, f"{family.name}_total")} | {
        f"{family.name}_bucket" for family in REGISTRY.collect() if family.type == "histogram"
    }
    used = {name for rule in RULES.values() for name in re.findall(r"\bcrs_\w+", rule["expr"])}
    assert used <= there
