"""The few kinds of pictures that all dashboards are made of."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, table, text
from grafana_foundation_sdk.builders import timeseries as lines
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

METRICS = models.DataSourceRef(type_val="prometheus", uid="${prometheus}")
HISTORY = models.DataSourceRef(type_val="grafana-postgresql-datasource", uid="${history}")
DISCLAIMER = "Decision support for clinicians: not a medical device, and not a primary alarm."
# Grades as everywhere in the product: from calm to grave, told apart also without red and green.
GRADES = {"0": "#7f8fa6", "1": "#f2cc0c", "2": "#ff9830", "3": "#e02f44", "4": "#8f3bb8", "5": "#1f1f1f"}
REFS = "ABCDEFGH"


class Sql(Builder[UnknownDataquery]):
    """One SQL query; the SDK has no builder for PostgreSQL."""

    def __init__(self, sql: str, table: bool) -> None:
        self.query = {
            "refId": "A",
            "datasource": HISTORY.to_json(),
            "format": "table" if table else "time_series",
            "editorMode": "code",
            "rawQuery": True,
            "rawSql": " ".join(sql.split()),
        }

    def build(self) -> UnknownDataquery:
        return UnknownDataquery(self.query)


def number(title: str, words: str, expr: str, *, unit: str = "short", bad: float | None = None) -> stat.Panel:
    """One number; red from `bad` on."""
    panel = (
        stat.Panel()
        .title(title)
        .description(words)
        .datasource(METRICS)
        .with_target(query(expr, "", 0).instant())
        .unit(unit)
        .graph_mode(options.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(4)
        .span(4)
    )
    return panel if bad is None else panel.thresholds(red_from(bad))


def curves(
    title: str, words: str, *series: tuple[str, str], unit: str = "short", stacked: bool = False, span: int = 12
) -> lines.Panel:
    """Curves over time: PromQL and legend of each."""
    panel = (
        lines.Panel()
        .title(title)
        .description(words)
        .datasource(METRICS)
        .unit(unit)
        .min(0)
        .line_width(2)
        .fill_opacity(60 if stacked else 8)
        .legend(
            common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST).placement(BOTTOM).show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
        .height(8)
        .span(span)
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    for place, (expr, legend) in enumerate(series):
        panel.with_target(query(expr, legend, place).range())
    return panel


def bars(
    title: str, words: str, expr: str, legend: str, *, unit: str = "short", buckets: bool = False
) -> bargauge.Panel:
    """One bar for each series; `buckets`: the series are those of a histogram."""
    target = query(expr, legend, 0).instant()
    if buckets:
        target.format(PromQueryFormat.HEATMAP)
    return (
        bargauge.Panel()
        .title(title)
        .description(words)
        .datasource(METRICS)
        .with_target(target)
        .min(0)
        .orientation(options.VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(8)
        .span(8)
    )


def matrix(title: str, words: str, expr: str, row: str, column: str) -> table.Panel:
    """A table of counts by two labels."""
    spread = {"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "zero"}
    return (
        table.Panel()
        .title(title)
        .description(words)
        .datasource(METRICS)
        .with_target(query(expr, "", 0).instant().format(PromQueryFormat.TABLE))
        .with_transformation(models.DataTransformerConfig(id_val="groupingToMatrix", options=spread))
        .height(8)
        .span(8)
    )


def rows(title: str, words: str, sql: str, *, height: int = 8, span: int = 24) -> table.Panel:
    """Rows out of the history."""
    return (
        table.Panel()
        .title(title)
        .description(words)
        .datasource(HISTORY)
        .with_target(Sql(sql, table=True))
        .filterable(True)
        .height(height)
        .span(span)
    )


def bands(title: str, words: str, sql: str, *, height: int = 5) -> statetimeline.Panel:
    """What held from when to when."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(words)
        .datasource(HISTORY)
        .with_target(Sql(sql, table=True))
        .show_value(options.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.9)
        .height(height)
        .span(24)
    )


def readings(title: str, words: str, sql: str, unit: str) -> lines.Panel:
    """Vitals of one patient, as points: a sample, not a curve."""
    return (
        lines.Panel()
        .title(title)
        .description(words)
        .datasource(HISTORY)
        .with_target(Sql(sql, table=False))
        .unit(unit)
        .show_points(options.VisibilityMode.ALWAYS)
        .line_width(1)
        .height(7)
        .span(12)
    )


def notice() -> text.Panel:
    """What this is not."""
    return text.Panel().mode(TextMode.MARKDOWN).content(DISCLAIMER).transparent(True).height(2).span(24)


def query(expr: str, legend: str, place: int) -> prometheus.Dataquery:
    """One PromQL query."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(REFS[place]).datasource(METRICS)


def red_from(limit: float) -> dashboard.ThresholdsConfig:
    """Green below, red from `limit` on."""
    steps = [models.Threshold(value=None, color="green"), models.Threshold(value=limit, color="red")]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def grade_colours() -> list[models.ValueMapping]:
    """A grade by its colour."""
    found = {
        grade: models.ValueMappingResult(text=f"grade {grade}", color=colour, index=int(grade))
        for grade, colour in GRADES.items()
    }
    return [models.ValueMap(options=found)]


BOTTOM = options.LegendPlacement.BOTTOM
