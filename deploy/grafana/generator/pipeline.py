"""Dashboard *Pipeline*: events, latency, lag, dead letters, pages, and the health of the processes."""

from __future__ import annotations

import panels
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

RATE = "[$__rate_interval]"


def fill(board: Dashboard) -> Dashboard:
    """Adds its panels, in the order in which an event passes."""
    into(board)
    judged(board)
    out(board)
    return machines(board)


def quantiles(metric: str, by: str = "") -> tuple[tuple[str, str], ...]:
    """Median, 95th and 99th percentile of a histogram."""
    labels = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return tuple(
        (f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{RATE})))", f"{name}{legend}")
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )


def into(board: Dashboard) -> None:
    """Adds the panels of the feeds."""
    board.with_row(Row("In"))
    board.with_panel(
        panels.curves(
            "Events",
            "Records read, by disposition.",
            (f"sum by (topic, disposition) (rate(crs_events_total{RATE}))", "{{topic}} {{disposition}}"),
            unit="ops",
        )
    )
    board.with_panel(
        panels.curves(
            "Since the last event of a feed",
            "A feed that stands still is a gateway, a network, or a very quiet night.",
            ("time() - max by (topic) (crs_feed_last_event_timestamp_seconds)", "{{topic}}"),
            unit="s",
        )
    )
    board.with_panel(
        panels.curves(
            "Dead letters",
            "Messages and signals that could not be used, by reason.",
            (f"sum by (topic, reason) (rate(crs_dead_letters_total{RATE})) or vector(0)", "{{topic}} {{reason}}"),
            unit="ops",
            stacked=True,
        )
    )
    board.with_panel(
        panels.curves(
            "Unknown fields and clocks ahead",
            "Fields that are not in the contract, per second; patients whose feed's clock is ahead.",
            (f"sum(rate(crs_unknown_fields_total{RATE}))", "unknown fields"),
            ("sum(crs_clock_ahead_patients)", "patients with a clock ahead"),
        )
    )


def judged(board: Dashboard) -> None:
    """Adds the panels of the judgement."""
    board.with_row(Row("Judged"))
    board.with_panel(
        panels.curves(
            "Log append to alert append", "Confirmed by all copies.", *quantiles("crs_alert_latency_seconds"), unit="s"
        )
    )
    board.with_panel(
        panels.curves(
            "Lag", "Records that wait.", ("max by (topic, partition) (crs_lag_events)", "{{topic}} {{partition}}")
        )
    )
    board.with_panel(panels.curves("Time to judge an event", "The engine.", *quantiles("crs_step_seconds"), unit="s"))
    board.with_panel(panels.curves("Batch", "Records judged at once.", *quantiles("crs_batch_events")))
    board.with_panel(
        panels.curves(
            "Rows and states written",
            "Per second.",
            (f"sum(rate(crs_rows_written_total{RATE}))", "rows"),
            (f"sum(rate(crs_states_published_total{RATE}))", "states"),
            unit="ops",
        )
    )
    board.with_panel(
        panels.curves(
            "Age of marker and tick",
            "The oldest of all partitions.",
            ("max(crs_marker_age_seconds)", "marker"),
            ("time() - min(max by (partition) (crs_last_tick_timestamp_seconds))", "tick"),
            unit="s",
        )
    )


def out(board: Dashboard) -> None:
    """Adds the panels of pages and history."""
    board.with_row(Row("Out"))
    board.with_panel(
        panels.curves(
            "Pages",
            "Attempts, by what the destination answered.",
            (f"sum by (destination, outcome) (rate(crs_pages_total{RATE}))", "{{destination}} {{outcome}}"),
            unit="ops",
        )
    )
    board.with_panel(
        panels.curves(
            "Log append to page taken", "Per destination.", *quantiles("crs_page_seconds", "destination"), unit="s"
        )
    )
    board.with_panel(
        panels.curves(
            "Pages that wait",
            "And for how long the oldest has.",
            ("sum by (destination) (crs_pages_pending)", "{{destination}}"),
            ("max by (destination) (crs_oldest_pending_seconds)", "{{destination}}: oldest, seconds"),
        )
    )
    board.with_panel(
        panels.curves(
            "Heartbeat and history",
            "Age of the oldest heartbeat; messages that are not in the database yet.",
            ("time() - min(max by (partition) (crs_heartbeat_timestamp_seconds))", "heartbeat, seconds"),
            ("sum(crs_history_lag_events)", "history, messages"),
        )
    )


def machines(board: Dashboard) -> Dashboard:
    """Adds the panels of the processes."""
    return (
        board.with_row(Row("Processes"))
        .with_panel(
            panels.curves(
                "Partitions owned, and ready",
                "By worker.",
                ("crs_partitions_owned", "{{instance}}"),
                ("crs_ready", "{{instance}} ready"),
            )
        )
        .with_panel(
            panels.curves(
                "Restarts, fences, rebalances",
                "In the last hour.",
                ('sum by (job) (changes(process_start_time_seconds{job=~"crs-.+"}[1h]))', "{{job}} restarts"),
                ("sum by (reason) (increase(crs_fences_total[1h])) or vector(0)", "fenced {{reason}}"),
                ("sum(increase(crs_rebalances_total[1h]))", "rebalances"),
            )
        )
        .with_panel(
            panels.curves(
                "CPU",
                "Cores in use.",
                (f'rate(process_cpu_seconds_total{{job=~"crs-.+"}}{RATE})', "{{job}} {{instance}}"),
            )
        )
        .with_panel(
            panels.curves(
                "Memory",
                "Resident.",
                ('process_resident_memory_bytes{job=~"crs-.+"}', "{{job}} {{instance}}"),
                unit="bytes",
            )
        )
    )
