"""Translates validation errors into dead-letter reasons; the text names the field and the rule, never the value."""

from __future__ import annotations

from math import isfinite
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from schemas.dead_letters import DeadLetterReason
from schemas.topics import EventType

TYPES = frozenset(get_args(EventType))
LONGEST_VALUE = 64

# Pydantic's error types that are more precise than "wrong type".
REASONS: dict[str, DeadLetterReason] = {
    "missing": "missing_field",
    "union_tag_not_found": "missing_field",
    "union_tag_invalid": "unknown_value",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "string_too_short": "wrong_length",
    "string_too_long": "wrong_length",
    "string_pattern_mismatch": "not_a_time",
    "datetime_parsing": "not_a_time",
    "datetime_from_date_parsing": "not_a_time",
    "datetime_object_invalid": "not_a_time",
    "date_parsing": "not_a_time",
    "date_from_datetime_parsing": "not_a_time",
    "date_from_datetime_inexact": "not_a_time",
    "timezone_aware": "naive_time",
    "finite_number": "not_finite",
    "greater_than_equal": "implausible_value",
    "less_than_equal": "implausible_value",
    "greater_than": "implausible_value",
    "less_than": "implausible_value",
}
RULE_TEXTS: dict[DeadLetterReason, str] = {
    "missing_field": "is required",
    "not_an_object": "an event is a JSON object",
    "not_a_time": "must be ISO 8601 text",
    "naive_time": "must have an offset from UTC",
    "not_finite": "must be a finite number",
}
LIMITS = {"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than"}
TYPE_TEXTS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
}


class Fault(NamedTuple):
    """One fault of a message. `field` is empty when it concerns the whole message."""

    reason: DeadLetterReason
    field: str
    detail: str
    value: float | str | None = None


def faults(error: ValidationError, payload: bytes, default_type: EventType | None) -> tuple[Fault, ...]:
    """All faults, in the order of the fields; for a message of a wrong type only that one."""
    found = error.errors(include_url=False)
    if found[0]["type"] == "json_invalid":
        return (json_fault(payload, found[0]),)
    other = type_fault(from_json(payload), default_type)
    return (other,) if other else tuple(fault(each) for each in found)


def json_fault(payload: bytes, found: ErrorDetails) -> Fault:
    """Why the bytes cannot be read as JSON."""
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as problem:
        return Fault("not_utf8", "", f"not UTF-8 at byte {problem.start}")
    text = found["msg"]
    if "recursion limit" in text:
        return Fault("too_deep", "", "nested too deeply")
    if "number out of range" in text:
        return Fault("not_finite", "", "a number with too many digits")
    return Fault("not_json", "", text)


def type_fault(message: Any, default_type: EventType | None) -> Fault | None:
    """The fault of a message whose type is missing, unknown, or wrong for its topic; None if there is none."""
    if not isinstance(message, dict):
        return Fault("not_an_object", "", RULE_TEXTS["not_an_object"])
    if "type" not in message:
        return Fault("missing_field", "type", "type: is required here") if default_type is None else None
    if not isinstance(message["type"], str):
        return Fault("wrong_type", "type", "type: must be text")
    if message["type"] not in TYPES:
        return Fault("unknown_type", "type", f"type: must be one of {', '.join(sorted(TYPES))}")
    if default_type not in (None, message["type"]):
        return Fault("wrong_topic", "type", f"type: must be {default_type} on this topic")
    return None


def fault(found: ErrorDetails) -> Fault:
    """One of pydantic's errors as a fault."""
    context = found.get("ctx", {})
    field = str(found["loc"][-1]) if found["loc"] else ""
    if found["type"].startswith("union_tag"):
        field = str(context["discriminator"]).strip("'")
    reason = reason_of(found)
    return Fault(reason, field, f"{field}: {rule_text(reason, found['type'], context)}", observed(found["input"]))


def reason_of(found: ErrorDetails) -> DeadLetterReason:
    """The reason for an error. A wrong literal is an unknown value if it is text, otherwise of a wrong type.

    A number that is not whole where only whole ones exist is a sensor's or a typist's mistake like any other.
    """
    if found["type"] == "int_type" and isinstance(found["input"], float):
        return "implausible_value" if isfinite(found["input"]) else "not_finite"
    if found["type"] == "literal_error":
        return "unknown_value" if isinstance(found["input"], str) else "wrong_type"
    return REASONS.get(found["type"], "wrong_type")


def rule_text(reason: DeadLetterReason, kind: str, context: dict[str, Any]) -> str:
    """The rule that was broken: what the field must be."""
    if reason in RULE_TEXTS:
        return RULE_TEXTS[reason]
    if "expected" in context:
        return f"must be {context['expected']}"
    if "expected_tags" in context:
        return f"must be one of {context['expected_tags']}"
    if "min_length" in context or "max_length" in context:
        return f"must have 1 to {context['max_length']} characters" if "max_length" in context else "must not be empty"
    for limit, comparison in LIMITS.items():
        if limit in context:
            return f"must be {comparison} {shown(context[limit])}"
    return f"must be {TYPE_TEXTS.get(kind.partition('_')[0], kind)}"


def shown(limit: Any) -> str:
    """A limit as people write it: 0 and not 0.0, a day and not its midnight."""
    return f"{limit:g}" if isinstance(limit, int | float) else str(limit)[:10]


def observed(value: Any) -> float | str | None:
    """A value that is small enough to be shown; None when it is not."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
