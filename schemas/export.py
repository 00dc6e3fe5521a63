"""JSON Schema of everything on the wire, generated from the models and checked in under `schemas/json/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from schemas.alerts import Alert
from schemas.dead_letters import DeadLetter
from schemas.events import Event
from schemas.heartbeats import Heartbeat
from schemas.patient_event import Void
from schemas.state import PatientState
from schemas.system_records import Story

CHECKED_IN = Path(__file__).parent / "json"

DOCUMENTS: dict[str, tuple[TypeAdapter[Any], str]] = {
    "event.json": (
        TypeAdapter(Event | Void | Story),
        "A message of crs.patient-events. On the feed topics `type` may be left out, and no `story` may come.",
    ),
    "alert.json": (TypeAdapter(Alert), "A message of crs.alerts."),
    "patient-state.json": (TypeAdapter(PatientState), "A message of crs.patient-state."),
    "dead-letter.json": (TypeAdapter(DeadLetter), "A message of crs.dead-letters."),
    "heartbeat.json": (TypeAdapter(Heartbeat), "A message of crs.heartbeats."),
}


class Plain(GenerateJsonSchema):
    """Pydantic's generator without a title for every field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def documents() -> dict[str, str]:
    """File name to text, the same on every machine: sorted keys, two spaces, a line feed at the end."""
    return {name: text(adapter, comment) for name, (adapter, comment) in DOCUMENTS.items()}


def text(adapter: TypeAdapter[Any], comment: str) -> str:
    """One document. `type` and `kind` are required in it, although code may leave them to their defaults.

    What may be left out may be null in a message of others; in one of ours it is never written so.
    """
    schema = adapter.json_schema(schema_generator=Plain)
    for definition in schema.get("$defs", {}).values():
        properties = definition["properties"]
        tags = [name for name in ("kind", "type") if "const" in properties.get(name, {})]
        definition["required"] = sorted({*definition.get("required", ()), *tags})
        if {"event_id", "patient_id"} <= set(definition["required"]):  # an event
            optional = properties.keys() - set(definition["required"])
            definition["properties"] = {
                name: or_null(one) if name in optional else one for name, one in properties.items()
            }
    document = {"$schema": GenerateJsonSchema.schema_dialect, "$comment": comment, **schema}
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def or_null(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field that may also be null."""
    if {"type": "null"} in field.get("anyOf", ()):
        return field
    notes = {name: field[name] for name in ("default", "description") if name in field}
    return {"anyOf": [{name: one for name, one in field.items() if name not in notes}, {"type": "null"}]} | notes


def write(directory: Path = CHECKED_IN) -> list[Path]:
    """Writes every document; returns the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in documents().items():
        path = directory / name
        path.write_text(content, encoding="utf-8")
        written.append(path)
    return written


def differing(directory: Path = CHECKED_IN) -> list[str]:
    """Names of the documents that are missing, differ from the models, or belong to no model."""
    wanted = documents()
    found = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
