"""Dashboard *Alert quality*: whether alerts are complete and acted on, and not too many."""

from __future__ import annotations

import panels
from grafana_foundation_sdk.builders.dashboard import Dashboard

RAISED = 'crs_alerts_total{status="raised"}'
PATIENT_DAYS = "(sum(increase(crs_patient_seconds_total[$__range])) / 86400)"
ACKNOWLEDGED = "increase(crs_acknowledge_seconds_bucket[$__range])"
IN_TIME = 'increase(crs_acknowledge_seconds_bucket{le="120.0"}[$__range])'
TECHNICAL = 'increase(crs_alerts_total{status="raised", priority="technical"}[$__range])'


def fill(board: Dashboard) -> Dashboard:
    """Its panels: alerts per patient-day, time to acknowledgement, flapping, and the reasons of silence."""
    return (
        board.with_panel(panels.notice())
        .with_panel(
            panels.number(
                "Alerts per patient-day",
                "Raised, without technical ones, over the time shown.",
                f'sum(increase(crs_alerts_total{{status="raised", priority!="technical"}}[$__range])) / {PATIENT_DAYS}',
            )
        )
        .with_panel(
            panels.number(
                "Technical per patient-day",
                "Signal lost, data quality, unmonitored.",
                f"(sum({TECHNICAL}) or vector(0)) / {PATIENT_DAYS}",
            )
        )
        .with_panel(
            panels.number(
                "Acknowledged within 2 min",
                "Of those acknowledged at all, over the time shown.",
                f"sum({IN_TIME}) / sum(increase(crs_acknowledge_seconds_count[$__range]))",
                unit="percentunit",
            )
        )
        .with_panel(
            panels.number(
                "Median to acknowledge",
                "From raised to acknowledged.",
                f"histogram_quantile(0.5, sum by (le) ({ACKNOWLEDGED}))",
                unit="s",
            )
        )
        .with_panel(
            panels.number(
                "Flaps",
                "Alerts resolved within 30 min of being raised, over the time shown.",
                "sum(increase(crs_flaps_total[$__range])) or vector(0)",
            )
        )
        .with_panel(
            panels.number(
                "Updates per alert",
                "Messages after the first.",
                f'sum(increase(crs_alerts_total{{status="updated"}}[$__range])) / sum(increase({RAISED}[$__range]))',
            )
        )
        .with_panel(
            panels.curves(
                "Raised in an hour, by priority",
                "All units.",
                (f"sum by (priority) (increase({RAISED}[1h]))", "{{priority}}"),
                stacked=True,
            )
        )
        .with_panel(
            panels.curves(
                "How alerts end",
                "In an hour: resolved by a clinical rule, or retracted because they rested on an error.",
                ('sum by (status) (increase(crs_alerts_total{status=~"resolved|retracted"}[1h]))', "{{status}}"),
            )
        )
        .with_panel(
            panels.bars(
                "Raised by kind",
                "Over the time shown.",
                f"sort_desc(sum by (kind) (increase({RAISED}[$__range])))",
                "{{kind}}",
            )
        )
        .with_panel(
            panels.bars(
                "Verdicts of the engine",
                "Every decision has a reason, silence too.",
                "sort_desc(sum by (reason) (increase(crs_verdicts_total[$__range])))",
                "{{reason}}",
            )
        )
        .with_panel(
            panels.bars(
                "Verdicts of dispatch",
                "Why someone was paged, or not.",
                "sort_desc(sum by (reason) (increase(crs_dispatch_verdicts_total[$__range])))",
                "{{reason}}",
            )
        )
        .with_panel(
            panels.curves(
                "Flaps by kind",
                "In an hour.",
                ("sum by (kind) (increase(crs_flaps_total[1h])) or vector(0)", "{{kind}}"),
                span=24,
            )
        )
    )
