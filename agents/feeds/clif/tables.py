"""The tables of a CLIF data set (Common Longitudinal ICU data Format, 2.x): found, checked, read in time order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agents.feeds.clif.errors import ClifError

Kind = Literal["text", "number", "instant", "date"]
ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns that a table must have (`needed`) and may have, and the columns by which its rows are sorted."""

    needed: Mapping[str, Kind]
    optional: Mapping[str, Kind]
    order: tuple[str, ...]
    required: bool = False


_MEDICATION_COLUMNS: dict[str, Kind] = {
    "hospitalization_id": "text",
    "admin_dttm": "instant",
    "med_category": "text",
    "med_dose": "number",
    "med_dose_unit": "text",
    "mar_action_category": "text",
}
_MEDICATION_DETAILS: dict[str, Kind] = {
    "med_order_id": "text",
    "med_name": "text",
    "mar_action_name": "text",
    "med_route_category": "text",
}
_MEDICATION = Shape(
    needed=_MEDICATION_COLUMNS,
    optional=_MEDICATION_DETAILS,
    order=("admin_dttm", "hospitalization_id", "med_name", "med_category", "med_order_id", "med_dose"),
)

SHAPES: dict[str, Shape] = {
    "hospitalization": Shape(
        needed={"hospitalization_id": "text", "admission_dttm": "instant", "discharge_dttm": "instant"},
        optional={"patient_id": "text", "age_at_admission": "number", "discharge_category": "text"},
        order=("admission_dttm", "hospitalization_id"),
        required=True,
    ),
    "vitals": Shape(
        needed={
            "hospitalization_id": "text",
            "recorded_dttm": "instant",
            "vital_category": "text",
            "vital_value": "number",
        },
        optional={"vital_name": "text", "meas_site_name": "text"},
        order=("recorded_dttm", "hospitalization_id", "vital_category", "vital_name", "vital_value"),
        required=True,
    ),
    "respiratory_support": Shape(
        needed={"hospitalization_id": "text", "recorded_dttm": "instant", "device_category": "text"},
        optional={"device_name": "text", "lpm_set": "number", "fio2_set": "number"},
        order=("recorded_dttm", "hospitalization_id", "device_category", "device_name", "lpm_set", "fio2_set"),
    ),
    "medication_admin_continuous": _MEDICATION,
    "medication_admin_intermittent": _MEDICATION,
    "patient": Shape(
        needed={"patient_id": "text"},
        optional={"birth_date": "date", "death_dttm": "instant"},
        order=("patient_id",),
    ),
    "adt": Shape(
        needed={"hospitalization_id": "text", "in_dttm": "instant"},
        optional={"location_name": "text", "location_category": "text"},
        order=("in_dttm", "hospitalization_id", "location_name"),
    ),
}
BEDSIDE = ("vitals", "respiratory_support", "medication_admin_continuous", "medication_admin_intermittent")


class ClifTable:
    """One table on disk. Opening it reads only its schema."""

    def __init__(self, path: Path, shape: Shape) -> None:
        """Raises ClifError when the file is not parquet or a column is missing or of the wrong type."""
        self.path = path
        self.shape = shape
        with _reading(path):
            file = pq.ParquetFile(path)
            schema, self.total = file.schema_arrow, file.metadata.num_rows
        for column, kind in shape.needed.items():
            if column not in schema.names:
                raise ClifError(f"{path}: column {column} is missing; expected {', '.join(shape.needed)}")
            _check(path, schema.field(column), kind)
        self.columns = dict(shape.needed)
        for column, kind in shape.optional.items():
            if column in schema.names:
                _check(path, schema.field(column), kind)
                self.columns[column] = kind

    def stays(self) -> set[str]:
        """The hospitalizations that have rows here."""
        with _reading(self.path):
            column = pq.read_table(self.path, columns=["hospitalization_id"])["hospitalization_id"]
        return {str(stay) for stay in column.unique().to_pylist() if stay is not None}

    def rows(self, left_out: Counter[str]) -> Iterator[dict[str, Any]]:
        """Rows in time order, identical ones once; instants are µs since 1970 (UTC), absent columns None.

        Rows without a stay or a time (the first two columns of the order) belong to nobody: they are counted in
        `left_out`.
        """
        with _reading(self.path):
            table = pq.read_table(self.path, columns=list(self.columns))
            table = pa.table({name: _cast(table[name], kind) for name, kind in self.columns.items()})
        placed = table
        for column in self.shape.order[:2]:
            placed = placed.filter(pc.is_valid(placed[column]))
        once = placed.group_by(placed.column_names).aggregate([])
        name = self.path.stem.removeprefix("clif_")
        _count(left_out, f"{name}: no stay or no time", table.num_rows - placed.num_rows)
        _count(left_out, f"{name}: identical row", placed.num_rows - once.num_rows)
        in_order = once.sort_by([(column, "ascending") for column in self.shape.order if column in self.columns])
        absent = dict.fromkeys(column for column in self.shape.optional if column not in self.columns)
        for batch in in_order.to_batches(max_chunksize=ROWS_AT_ONCE):
            for row in batch.to_pylist():
                yield row | absent


def open_tables(directory: Path, left_out: Counter[str]) -> dict[str, ClifTable]:
    """The tables of a data set by name. Raises ClifError when it is not CLIF; absent optional tables are counted."""
    if not directory.is_dir():
        raise ClifError(f"{directory}: not a directory; expected a CLIF 2.x data set (clif_vitals.parquet, …)")
    tables = {}
    for name, shape in SHAPES.items():
        path = directory / f"clif_{name}.parquet"
        if path.is_file():
            tables[name] = ClifTable(path, shape)
        elif shape.required:
            raise ClifError(f"{directory}: {path.name} is missing; expected a CLIF 2.x data set as parquet files")
        else:
            left_out[f"{name}: no such table"] += 1
    return tables


class _reading:  # noqa: N801 (used like a function, with `with`)
    """Raises ClifError with the path when a file cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError):
            raise ClifError(f"{self.path}: cannot be read as parquet: {error}") from error


def _check(path: Path, field: Any, kind: Kind) -> None:
    if not _fits(field.type, kind):
        wanted = {"text": "text", "number": "a number", "instant": "a timestamp with a time zone", "date": "a date"}[
            kind
        ]
        raise ClifError(f"{path}: column {field.name} is {field.type}; expected {wanted}")


def _fits(held: Any, kind: Kind) -> bool:
    if pa.types.is_dictionary(held):
        held = held.value_type
    if pa.types.is_null(held):
        return True
    if kind == "instant":
        return bool(pa.types.is_timestamp(held) and held.tz)
    numeric = pa.types.is_integer(held) or pa.types.is_floating(held) or pa.types.is_decimal(held)
    if kind == "date":
        return bool(pa.types.is_date(held) or pa.types.is_timestamp(held))
    if kind == "number":
        return bool(numeric)
    return bool(pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_integer(held))


def _cast(column: Any, kind: Kind) -> Any:
    if kind == "instant":
        return column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
    if kind == "date":
        return column.cast(pa.date32(), safe=False)
    if kind == "text":
        return column.cast(pa.string())
    # NaN means that there is no value.
    numbers = column.cast(pa.float64())
    return pc.if_else(pc.is_finite(numbers), numbers, None)


def _count(counter: Counter[str], what: str, times: int) -> None:
    if times:
        counter[what] += times
