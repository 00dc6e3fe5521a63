"""Named grading scales: a scale is a field of the published state with a name of its own.

`scale` marks the field. schemas/state.py declares the scales; what grade the signs support on each is judged in
monitor/course/scales/, a file a scale.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel


class Scale(NamedTuple):
    """One scale."""

    name: str
    field: str  # its grade on the wire
    title: str  # for people
    grades_crs: bool  # CRS by another table: shown where it differs, and the priority follows the highest

    @property
    def short(self) -> str:
        """Its title in one word."""
        return self.title.split()[0]


def scale(name: str, title: str, *, grades_crs: bool = False) -> dict[str, Any]:
    """The mark of a field that carries the grade of a scale, for `json_schema_extra`."""
    return {"x-scale": name, "x-scale-title": title, "x-grades-crs": grades_crs}


def scales_of(model: type[BaseModel]) -> tuple[Scale, ...]:
    """The scales that a model carries, in the order of its fields."""
    return tuple(
        Scale(str(extra["x-scale"]), field, str(extra["x-scale-title"]), bool(extra["x-grades-crs"]))
        for field, declared in model.model_fields.items()
        if isinstance(extra := declared.json_schema_extra, dict) and "x-scale" in extra
    )
