"""Dashboard *Ward*: patients by grade, open alerts, doses due, lost signals. Counts only, no single patient."""

from __future__ import annotations

import panels
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

UNIT = 'unit=~"$unit"'


def fill(board: Dashboard) -> Dashboard:
    """Adds its panels, the most important first."""
    grades = panels.curves(
        "Patients by grade",
        "Grade in the profile in force; 0 is no CRS.",
        (f"sum by (grade) (crs_patients{{{UNIT}}})", "grade {{grade}}"),
        stacked=True,
    )
    for grade, colour in panels.GRADES.items():
        fixed = DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
        grades.override_by_name(f"grade {grade}", [fixed])
    return (
        board.with_panel(panels.notice())
        .with_panel(panels.number("Patients", "Watched now.", f"sum(crs_patients{{{UNIT}}})"))
        .with_panel(
            panels.number(
                "Open episodes",
                "Patients with CRS now, in all units.",
                'sum(crs_hours_since_onset_bucket_patients{le="+Inf"})',
            )
        )
        .with_panel(
            panels.number(
                "Grade 3 and 4",
                "In the profile in force.",
                f'sum(crs_patients{{{UNIT}, grade=~"3|4"}}) or vector(0)',
                bad=1,
            )
        )
        .with_panel(
            panels.number(
                "High alerts open",
                "Acknowledged or not.",
                f'sum(crs_open_alerts{{{UNIT}, priority="high"}}) or vector(0)',
                bad=1,
            )
        )
        .with_panel(
            panels.number(
                "Without vitals",
                "Monitored patients whose vitals have stopped.",
                f'sum(crs_patients_monitored{{{UNIT}, monitoring="stale"}}) or vector(0)',
                bad=1,
            )
        )
        .with_panel(
            panels.number(
                "Not judged",
                "Because of a defect of this system: watch them by hand.",
                "sum(crs_unmonitored_patients)",
                bad=1,
            )
        )
        .with_panel(grades)
        .with_panel(
            panels.curves(
                "Doses due",
                "A dose or a repeat dose is indicated or to be considered.",
                (f"sum by (unit, kind) (crs_doses_due{{{UNIT}}}) or vector(0)", "{{unit}} {{kind}}"),
                stacked=True,
            )
        )
        .with_panel(
            panels.matrix(
                "Grades by unit", "Patients.", f"sum by (unit, grade) (crs_patients{{{UNIT}}})", "unit", "grade"
            )
        )
        .with_panel(
            panels.matrix(
                "Open alerts",
                "By kind and priority.",
                f"sum by (kind, priority) (crs_open_alerts{{{UNIT}}})",
                "kind",
                "priority",
            )
        )
        .with_panel(
            panels.bars(
                "Hours since onset",
                "Open episodes by age, all units.",
                "sum by (le) (crs_hours_since_onset_bucket_patients)",
                "up to {{le}} h",
                buckets=True,
            )
        )
        .with_panel(
            panels.curves(
                "Signal lost",
                "Patients without vitals.",
                (f'sum by (unit) (crs_patients_monitored{{{UNIT}, monitoring="stale"}}) or vector(0)', "{{unit}}"),
            )
        )
        .with_panel(
            panels.curves(
                "Alerts raised in an hour",
                "By kind, all units.",
                ('sum by (kind) (increase(crs_alerts_total{status="raised"}[1h]))', "{{kind}}"),
                stacked=True,
            )
        )
    )
