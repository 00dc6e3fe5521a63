"""RAS^O17: each RXA is a dose, a change of an infusion, or that it was not given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.feeds.hl7.administration import Administration, action_of, amount_fields, drug_of
from agents.feeds.hl7.context import Context
from agents.feeds.translation.drugs import product_draft, word_fields
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.moments import Moment
from agents.feeds.translation.statements import Draft, Fields, Part


@dataclass(slots=True)
class Order:
    """ORC, and the routes and components that stand before its administrations."""

    segment: list[str]
    routes: list[list[str]] = field(default_factory=list)
    components: list[list[str]] = field(default_factory=list)


def administrations(segments: list[list[str]]) -> list[Administration]:
    """The administrations of a message; one without a route or components of its own has those of its order."""
    found: list[tuple[Order, list[str], Order]] = []
    order = place = Order([])
    for segment in segments:
        if segment[0] == "ORC":
            order = place = Order(segment)
        elif segment[0] == "RXA":
            place = Order([])
            found.append((order, segment, place))
        elif segment[0] == "RXR":
            place.routes.append(segment)
        elif segment[0] == "RXC":
            place.components.append(segment)
    return [
        Administration(order.segment, row, own.routes or order.routes, own.components or order.components)
        for order, row, own in found
    ]


def medication(context: Context, patient_id: str, memory: Memory) -> Iterator[Draft]:
    """The drafts of a message: an event for each administration, and a patient event for a product."""
    for one in administrations(context.message.segments):
        draft = draft_of(context, patient_id, one)
        if draft is not None:
            yield draft
            product = product_draft(draft, context.tables)
            if product.parts[0].fields is not None or memory.stands(product.parts[0].key):
                yield product


def draft_of(context: Context, patient_id: str, one: Administration) -> Draft | None:
    """What one RXA states; None, with a dead letter, for one that cannot be used."""
    message, row = context.message, one.row
    if not is_readable(context, one):
        return None
    action = action_of(context, one)
    at = None if action is None else begun_at(context, row)
    if action is None or at is None:
        return None
    fields = None if action == "void" else fields_of(context, one, action)
    if fields is None and action != "void":
        context.outcome.refuse("missing_field", "RXA-5: names no drug")
        return None
    order_id = one.order_id(message)
    key = (patient_id, context.origin, order_id, message.first(row, 2), message.first(row, 5), str(at.ms))
    part = Part("\x1f".join(key), fields, message.first(row, 21).upper() == "U")
    common = {"administration_id": order_id[:128]} if order_id else {}
    return Draft("medication", patient_id, at, context.received, [part], context.version, common)


def is_readable(context: Context, one: Administration) -> bool:
    """Whether all that is used of an administration was of the character set."""
    message = context.message
    fields = [(f"RXA-{number}", message.get(one.row, number)) for number in (2, 5, 6, 7, 20)]
    fields += [("RXC-2", message.get(row, 2)) for row in one.components]
    return all(context.is_readable(text, where) for where, text in [("ORC", one.order_id(message)), *fields])


def begun_at(context: Context, row: list[str]) -> Moment | None:
    """RXA-3; None, with a dead letter, where it is no time."""
    written = context.message.first(row, 3)
    if not written:
        context.outcome.refuse("missing_field", "RXA-3: says when it began")
        return None
    return context.moment(written, "RXA-3")


def fields_of(context: Context, one: Administration, action: str) -> Fields | None:
    """Drug, action, dose or rate, route and indication; None without a drug."""
    drug = drug_of(context, one)
    if drug is None:
        return None
    return {"drug": drug, **amount_fields(context, one, action), **beside(context, one)}


def beside(context: Context, one: Administration) -> Fields:
    """Route and indication, as far as the tables know them."""
    message = context.message
    route = message.components(message.get(one.routes[0], 1)) if one.routes else []
    indication = message.components(message.get(one.row, 19))
    return {
        **word_fields("route", route[:2], context.tables, context.outcome),
        **word_fields("indication", indication[:2], context.tables, context.outcome),
    }
