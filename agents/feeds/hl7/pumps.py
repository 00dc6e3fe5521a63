"""Rows of infusion pumps (PCD-01, PCD-10): for each source of a pump whether it runs, what, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agents.feeds.hl7.context import Context
from agents.feeds.hl7.observation_row import Reading
from agents.feeds.hl7.observation_value import units_of
from agents.feeds.translation.amounts import Amount, mass_rate, rate_fields
from agents.feeds.translation.drugs import named
from agents.feeds.translation.statements import Draft, Fields, Part
from agents.feeds.translation.values import number_in

RUNS = frozenset({"pump-status-infusing", "pump-delivery-status-delivering", "infusing", "delivering"})
KEEPS_OPEN = frozenset({"pump-status-kvo", "pump-delivery-status-kvo", "kvo"})
CHANGES = frozenset({"pump-delivery-status-transitioning", "transitioning"})
STATUSES = ("pump_delivery_status", "pump_status")
OF_A_SOURCE = frozenset({"pump_drug", "pump_dose_rate", "pump_concentration", "pump_delivery_status"})


class Source(NamedTuple):
    """One channel of a pump (OBX-4 `a.b.c`) by signal, and what the pump's delivery channel says for all of them."""

    place: str
    own: dict[str, Reading]
    pump: dict[str, Reading]
    is_only_one: bool

    def get(self, signal: str) -> Reading | None:
        """A row of this channel; the pump's for its status, and for its flow where nothing else could flow."""
        shared = self.pump.get(signal) if signal == "pump_status" or self.is_only_one else None
        return self.own.get(signal) or shared

    @property
    def all(self) -> list[Reading]:
        """The rows that may say when it was true."""
        return [*self.own.values(), *self.pump.values()]


def pump_drafts(context: Context, patient_id: str, rows: Sequence[Reading]) -> Iterator[Draft]:
    """The medication events of a message's pump rows."""
    for source in sources_of(rows):
        status = status_of(context, source)
        if status is None or status in CHANGES:
            # A stop that leads over to another rate: the start that follows says which.
            context.outcome.skip("no_value" if status is None else "not_for_us")
            continue
        drug_row = source.get("pump_drug")
        drug = None if drug_row is None else drug_in(context, context.message.get(drug_row.row, 5))
        if drug is None:
            context.outcome.refuse("missing_field", "OBX: a pump's channel without the name of its drug")
            continue
        yield draft_of(context, patient_id, source, {"drug": drug, **run(context, source, status)})


def sources_of(rows: Sequence[Reading]) -> Iterator[Source]:
    """The sources of all pumps of a message, each with its own rows."""
    channels: dict[str, dict[str, Reading]] = {}
    for row in rows:
        if row.fields is not None:
            channels.setdefault(channel_of(row.row[4] if len(row.row) > 4 else ""), {}).setdefault(row.signal, row)
    pumps: dict[str, list[str]] = {}
    for channel in channels:
        pumps.setdefault(channel.rpartition(".")[0], []).append(channel)
    for of_pump in pumps.values():
        # A pump that names no source has one, whichever of its channels says what it does.
        sources = [channel for channel in of_pump if OF_A_SOURCE & channels[channel].keys()] or of_pump[-1:]
        others = [channels[channel] for channel in of_pump if channel not in sources]
        shared = {signal: row for channel in others for signal, row in channel.items()}
        for channel in sources:
            yield Source(channel, channels[channel], shared, len(sources) == 1)


def channel_of(place: str) -> str:
    """The channel of a row: `1.1.2.5` -> `1.1.2`; rows without containment are one channel."""
    return ".".join(place.split(".")[:3]) if place.count(".") >= 3 else ""


def status_of(context: Context, source: Source) -> str | None:
    """What the channel does, by its own delivery status, else by the pump's; None: it does not say."""
    for signal in STATUSES:
        row = source.get(signal)
        if row is not None:
            texts = [text.casefold() for text in context.message.components(context.message.get(row.row, 5)) if text]
            return next((text for text in texts if text in RUNS | KEEPS_OPEN | CHANGES), texts[0] if texts else None)
    return None


def drug_in(context: Context, raw: str) -> str | None:
    """The drug's name: the text of a coded value, or the text itself."""
    parts = context.message.components(raw)
    text = parts[1] if len(parts) > 1 and parts[1] else parts[0]
    codings = context.codings(raw) if len(parts) > 1 else ()
    return named(codings, text, context.tables, context.outcome)


def run(context: Context, source: Source, status: str) -> Fields:
    """What the infusion does: runs at its dose rate, else its flow; keeps the vein open at its flow; or stands."""
    if status not in RUNS | KEEPS_OPEN:
        return {"action": "stopped"}
    tables = context.tables
    dose_rate = amount_of(context, source.get("pump_dose_rate"))
    if status in RUNS and dose_rate is not None:
        fields = rate_fields(dose_rate, tables)
        if fields is not None:
            return {"action": "rate_changed" if fields["rate"] else "stopped", **(fields if fields["rate"] else {})}
        context.outcome.miss("word", "unit", "", next(iter(dose_rate.units), ""))
    flow = amount_of(context, source.get("pump_flow_current")) or amount_of(context, source.get("pump_flow"))
    fields = None if flow is None else rate_fields(flow, tables)
    fields = mass_rate(fields, amount_of(context, source.get("pump_concentration")), tables)
    if fields is not None and fields["rate"] == 0:
        return {"action": "stopped"}
    return {"action": "rate_changed", **(fields or {})}


def amount_of(context: Context, row: Reading | None) -> Amount | None:
    """The number of a row with its unit."""
    text = "" if row is None else context.message.plain(context.message.get(row.row, 5))
    number = number_in(text, "")
    return None if row is None or number is None else Amount(number.value, units_of(context, row.row))


def draft_of(context: Context, patient_id: str, source: Source, fields: Fields) -> Draft:
    """The event of one channel."""
    rows = source.all
    at = next((row.at for signal in STATUSES if (row := source.get(signal)) is not None), rows[0].at)
    device = next((row.device for row in rows if row.device), "")
    common: Fields = {"source": "pump", **({"device_id": device} if device else {})}
    key = "\x1f".join((patient_id, context.origin, "pump", source.place, device, str(at.ms)))
    return Draft("medication", patient_id, at, context.received, [Part(key, fields)], context.version, common)
