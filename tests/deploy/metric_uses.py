"""Which metrics, labels and label values the alert rules and dashboards ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.deploy.tools import DEPLOY, one

METRIC = re.compile(r"\b(crs_\w+|up|process_\w+|prometheus_\w+)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPING = re.compile(r"\bby \(([^)]*)\)\s*\(")


@dataclass
class Use:
    """One metric in one expression. `matchers`: label and the regular expression that its value must match."""

    where: str
    metric: str
    labels: set[str] = field(default_factory=set)
    matchers: dict[str, str] = field(default_factory=dict)


def uses() -> list[Use]:
    """Every use of a metric in a rule or a dashboard."""
    return [use for where, expression, shown in expressions() for use in parsed(where, expression, shown)]


def expressions() -> Iterator[tuple[str, str, set[str]]]:
    """Where an expression is, the expression, and the labels that its annotations or legend show."""
    for path in sorted((DEPLOY / "prometheus" / "rules").glob("*.yml")):
        for group in one(path)["groups"]:
            for rule in group["rules"]:
                shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule.get("annotations", {}))))
                yield rule.get("alert") or rule["record"], rule["expr"], shown
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        for panel in panels(json.loads(path.read_text(encoding="utf-8"))):
            for target in panel.get("targets", []):
                if "expr" in target:
                    shown = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")))
                    yield f"{path.stem}: {panel['title']}", target["expr"].replace("$unit", ".*"), shown


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels of a dashboard, also those inside rows."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def parsed(where: str, expression: str, shown: set[str]) -> Iterator[Use]:
    """The uses of one expression. A label that is shown or grouped by must be on every metric it can come from."""
    groups = [(names, *span(expression, start)) for names, start in groupings(expression)]
    for found in METRIC.finditer(expression):
        use = Use(where, found[1], set(shown))
        for label, operator, value in MATCHER.findall(found[2] or ""):
            use.labels.add(label)
            if operator in ("=", "=~"):
                use.matchers[label] = re.escape(value) if operator == "=" else value
        for names, begin, end in groups:
            if begin <= found.start() < end:
                use.labels |= names
        yield use


def groupings(expression: str) -> Iterator[tuple[set[str], int]]:
    """The labels of each `by (...)`, and where the parenthesis after it opens."""
    for found in GROUPING.finditer(expression):
        yield {name.strip() for name in found[1].split(",")}, found.end() - 1


def span(expression: str, opening: int) -> tuple[int, int]:
    """From an opening parenthesis to its closing one."""
    depth = 0
    for place in range(opening, len(expression)):
        depth += {"(": 1, ")": -1}.get(expression[place], 0)
        if depth == 0:
            return opening, place
    raise AssertionError(f"unbalanced: {expression}")
