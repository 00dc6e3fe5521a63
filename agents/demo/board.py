"""The terminal view of a running demonstration: story time, events sent, and alerts as they are raised."""

from __future__ import annotations

from collections import Counter, deque
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agents.demo import scripted
from agents.demo.schedule import Schedule
from monitor.units import HOUR, MINUTE, to_ms
from schemas.alert_kinds import PRIORITY_RANK
from schemas.alerts import Alert, Priority
from schemas.state import ALERT_SCALES

ROWS = 14
# The other scales whose grade an alert carries: heading and field.
OTHERS = [(one.short, one.field) for one in ALERT_SCALES[1:]]
STYLE = {"high": "bold red", "medium": "yellow", "low": "cyan", "technical": "dim"}
SIGN = {"high": "▲ high", "medium": "◆ medium", "low": "● low", "technical": "■ technical"}
LINE_INTERVAL_SECONDS = 10.0
REFRESH_INTERVAL_SECONDS = 0.2


class LiveView:
    """A live table on a terminal; elsewhere lines for the scripted patient's alerts and progress. A context manager."""

    def __init__(self, console: Console, schedule: Schedule) -> None:
        self.raised: Counter[str] = Counter()
        self._shown_priority: dict[str, Priority] = {}
        self._console = console
        self._schedule = schedule
        self._total = schedule.left()
        self._rows: deque[Alert] = deque(maxlen=ROWS)
        self._at = schedule.begins
        self._sent = 0
        self._printed_at = monotonic()
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None

    def __enter__(self) -> LiveView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self.view(), refresh=True)
            self._live.stop()

    def on_alert(self, alert: Alert) -> None:
        """Shows an alert message if the alert is new, or its priority higher than before."""
        before = self._shown_priority.get(alert.alert_id)
        if alert.status in ("resolved", "retracted"):
            self._shown_priority.pop(alert.alert_id, None)
            return
        self._shown_priority[alert.alert_id] = alert.priority
        if before is None:
            self.raised[alert.priority] += 1
        elif PRIORITY_RANK[alert.priority] <= PRIORITY_RANK[before]:
            return
        self._rows.append(alert)
        if self._live is None and alert.patient_id == scripted.PATIENT:
            self._console.print(self.row(alert), soft_wrap=True)

    def show(self, at: int, sent: int) -> None:
        """Draws the view again, or prints a line, if enough time has passed. `at`: story time, ms."""
        self._at, self._sent = at, sent
        if monotonic() - self._printed_at < (LINE_INTERVAL_SECONDS if self._live is None else REFRESH_INTERVAL_SECONDS):
            return
        self._printed_at = monotonic()
        if self._live is not None:
            self._live.update(self.view(), refresh=True)
        else:
            self._console.print(self.status_line(), soft_wrap=True)

    def status_line(self) -> Text:
        """Story time and counts in one line."""
        counts = ", ".join(f"{self.raised[name]:,} {name}" for name in STYLE)
        return Text(f"story +{since(self._at, self._schedule)} · {self._sent:,} events sent · raised: {counts}")

    def view(self) -> RenderableType:
        """The whole view."""
        done = ProgressBar(total=max(self._schedule.ends - self._schedule.begins, 1), width=60)
        done.update(min(self._at, self._schedule.ends) - self._schedule.begins)
        table = Table(title="Alerts as they are raised", title_justify="left", box=None, pad_edge=False)
        for heading in ("story", "patient", "priority", "grade", *(title for title, _ in OTHERS), "what"):
            table.add_column(heading, no_wrap=True)
        for alert in self._rows:
            # Text, because a bed, id or title may look like markup.
            table.add_row(*map(Text, self.cells(alert)), style=STYLE[alert.priority])
        for _ in range(ROWS - len(self._rows)):
            table.add_row(*[""] * (5 + len(OTHERS)))
        bar = Table.grid()
        bar.add_row(done)
        return Group(self.status_line(), bar, Text(), table)

    def cells(self, alert: Alert) -> tuple[str, ...]:
        """An alert in columns."""
        when = f"+{since(to_ms(alert.raised_at), self._schedule)}"
        others = [str(getattr(alert, field)) for _, field in OTHERS]
        return when, alert.patient_id, SIGN[alert.priority], str(alert.grade), *others, alert.title

    def row(self, alert: Alert) -> Text:
        """An alert as a line."""
        when, patient, priority, grade, *others, title = self.cells(alert)
        beside = ", ".join(f"{short} {other}" for (short, _), other in zip(OTHERS, others, strict=True))
        return Text(f"{when}  {patient}  {priority:11}  grade {grade} ({beside})  {title}", STYLE[alert.priority])


def since(at: int, schedule: Schedule) -> str:
    """Hours and minutes of the story."""
    minutes = max(at - schedule.begins, 0) // MINUTE
    return f"{minutes // (HOUR // MINUTE):02}:{minutes % 60:02}"
