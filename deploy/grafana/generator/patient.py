"""Dashboard *Patient*: one patient's story out of the history. Addresses carry a random reference, never an id."""

from __future__ import annotations

import panels
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard

OF_PATIENT = "WHERE patient_id = (SELECT patient_id FROM patients WHERE reference = ${patient:sqlstring})"


def fill(board: Dashboard) -> Dashboard:
    """Its panels: current state, grade over time, infusions and oxygen, doses, alerts."""
    return (
        board.with_panel(panels.notice())
        .with_panel(
            panels.rows(
                "Now",
                "As of the last state. What is missing makes the grade a floor.",
                """SELECT unit, bed, product, grade, astct_grade AS "ASTCT", grade_basis AS basis, grade_since AS since,
                onset_at AS onset, peak_grade AS peak, tocilizumab_count_24h AS "toci 24 h",
                tocilizumab_count_total AS "toci total", tocilizumab_next_eligible_at AS "toci not before",
                tocilizumab_blocked_by AS "blocked by", missing::text AS missing, monitoring, as_of AS "as of"
                FROM patients WHERE reference = ${patient:sqlstring}""",
                height=4,
            )
        )
        .with_panel(
            panels.bands(
                "Grade",
                "As known now: late and corrected data is included.",
                f"""SELECT effective_at AS time, grade AS "profile", astct_grade AS "ASTCT 2019" FROM state_changes
                {OF_PATIENT} AND superseded_by IS NULL AND effective_at <= $__timeTo() AND effective_at >=
                coalesce((SELECT max(effective_at) FROM state_changes {OF_PATIENT} AND superseded_by IS NULL
                AND effective_at <= $__timeFrom()), $__timeFrom()) ORDER BY effective_at""",
            ).mappings(panels.grade_colours())
        )
        .with_panel(
            panels.bands(
                "Infusions and oxygen",
                "As charted, when it was known.",
                f"""SELECT as_of AS time, infusions AS "infusions", oxygen AS "oxygen", monitoring AS "monitoring"
                FROM state_changes {OF_PATIENT} AND $__timeFilter(as_of) ORDER BY as_of""",
                height=6,
            )
        )
        .with_panel(signals("Temperature", "celsius", "temperature_celsius"))
        .with_panel(signals("Blood pressure", "suffix: mmHg", "systolic_mmhg", "mean_arterial_mmhg", "diastolic_mmhg"))
        .with_panel(signals("Oxygen saturation", "percent", "spo2_percent"))
        .with_panel(signals("Heart and breath", "short", "heart_rate_per_min", "respiratory_rate_per_min"))
        .with_panel(
            panels.rows(
                "Doses",
                "At their bedside times. Withdrawn: charted in error.",
                f"""SELECT effective_at AS given, drug, dose_mg AS mg, indication, grade AS "grade then",
                counts AS "counts toward the limit", withdrawn_at AS withdrawn FROM doses {OF_PATIENT}
                ORDER BY effective_at DESC""",
                span=12,
            )
        )
        .with_panel(
            panels.rows(
                "Episodes",
                "Onset and peak as known now.",
                f"""SELECT episode, onset_at AS onset, peak_grade AS peak, as_of AS "last change"
                FROM episodes {OF_PATIENT} ORDER BY episode DESC""",
                span=12,
            )
        )
        .with_panel(
            panels.rows(
                "Alerts",
                "Every version, as it was said.",
                f"""SELECT raised_at AS "known at", effective_at AS "true since", kind, priority, status, version,
                grade, title, message, rule_id AS rule, reason, acknowledged_at AS acknowledged FROM alerts
                {OF_PATIENT} AND $__timeFilter(raised_at) ORDER BY raised_at DESC, version DESC""",
                height=10,
            )
        )
        .with_panel(
            panels.rows(
                "What was known when",
                "Every clinical change in the order of the log, also what was told anew since.",
                f"""SELECT as_of AS "known at", effective_at AS "true since", grade, astct_grade AS "ASTCT",
                grade_basis AS basis, onset_at AS onset, fever, hypotension, hypoxia, infusions, oxygen,
                missing::text AS missing, superseded_by IS NOT NULL AS "told anew" FROM state_changes
                {OF_PATIENT} AND $__timeFilter(as_of) ORDER BY log_offset DESC""",
                height=10,
            )
        )
    )


def signals(title: str, unit: str, *names: str) -> timeseries.Panel:
    """Sampled readings of some signals."""
    listed = ", ".join(f"'{name}'" for name in names)
    sql = f"""SELECT effective_at AS time, signal AS metric, value FROM vitals {OF_PATIENT}
        AND signal IN ({listed}) AND $__timeFilter(effective_at) ORDER BY effective_at"""
    return panels.readings(title, "A sample: the latest reading whenever the state was published.", sql, unit)
