"""The report of a check: one JSON object with counts, and the first breach with its neighbours in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agents.engine.log_time import time_to_show
from agents.verify.findings import MISSING, SPURIOUS, STATES, Breach
from agents.verify.reader import StoredRecord, TopicReader
from agents.verify.verification import Verification
from schemas.decode import decode
from schemas.decoded import Refused

NEIGHBOURS = 2


def summary(run: Verification, seconds: float, show: bool) -> dict[str, Any]:
    """The object that `verify` prints. Without `show` it contains no patient id and no value."""
    findings = run.findings
    return {
        "ok": findings.ok,
        "patients": findings.patients,
        "events": findings.events,
        "alerts": findings.alerts,
        "missing": findings.count(MISSING),
        "spurious": findings.count(SPURIOUS),
        "state_mismatches": findings.count(STATES),
        "lag": findings.lag,
        "first": None if findings.first is None else divergence(run, findings.first, show),
        "partial": findings.cut,
        "unverified": findings.unverified,
        "duplicates_of_alerts": findings.repeats,
        "dead_letters": findings.letters,
        "dispositions": dict(sorted(findings.dispositions.items())),
        "breaches": dict(sorted(findings.breaches.items())),
        "invariants": findings.invariants(),
        "waited_seconds": round(run.waited_seconds, 1),
        "seconds": round(seconds, 1),
    }


def divergence(run: Verification, breach: Breach, show: bool) -> dict[str, Any]:
    """A breach and the log records around its offset."""
    report: dict[str, Any] = {
        "kind": breach.kind,
        "partition": breach.partition,
        "log_offset": breach.log_offset,
        "detail": breach.detail,
    }
    if breach.topic is not None:
        report |= {"topic": breach.topic, "offset": breach.offset}
    if show:
        report |= breach.shown
    if breach.log_offset is not None:
        report["neighbours"] = list(neighbours(run.reader, run.log, breach.partition, breach.log_offset, show))
    return report


def neighbours(reader: TopicReader, log: str, partition: int, offset: int, show: bool) -> Iterator[dict[str, Any]]:
    """The log records around an offset, at most NEIGHBOURS on each side."""
    begin, end = reader.bounds(log)[partition]
    for record in reader.read(log, partition, max(begin, offset - NEIGHBOURS), min(end, offset + NEIGHBOURS + 1)):
        yield described(record, show)


def described(record: StoredRecord, show: bool) -> dict[str, Any]:
    """A log record: offset, time and type; with `show` also its first 2000 characters."""
    decoded = decode(record.value, in_log=True)
    kind = f"refused: {decoded.reason}" if isinstance(decoded, Refused) else decoded.event.type
    fields: dict[str, Any] = {"offset": record.offset, "at": time_to_show(record).isoformat(), "type": kind}
    if show:
        fields["value"] = (record.value or b"").decode(errors="replace")[:2000]
    return fields


def line(report: dict[str, Any]) -> str:
    """The report as one line of JSON."""
    return json.dumps(report, ensure_ascii=False, separators=(", ", ": "))
