"""The observations of a message by their OBR, with what the rows of devices and channels say for those inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.feeds.hl7.message import Message, is_decoded


@dataclass(slots=True)
class Group:
    """The rows of one OBR. `requested`: OBR-7, `drawn`: SPM-17 of its specimen.

    `times`, `devices`: OBX-14 and OBX-18 of the rows that contain others, by their OBX-4.
    """

    requested: str
    drawn: str = ""
    rows: list[list[str]] = field(default_factory=list)
    times: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)


def groups_of(message: Message) -> list[Group]:
    """The observations of a message by their OBR; rows before any OBR, as in ADT, make a group of their own."""
    groups = [Group("")]
    for segment in message.segments:
        name = segment[0]
        if name == "OBX":
            groups[-1].rows.append(segment)
            if len(segment) > 4 and segment[4].endswith(".0"):
                note_container(message, groups[-1], segment)
        elif name == "OBR":
            groups.append(Group(message.first(segment, 7)))
        elif name == "SPM":
            groups[-1].drawn = message.first(segment, 17)
    return [group for group in groups if group.rows]


def note_container(message: Message, group: Group, row: list[str]) -> None:
    """Keeps what the row of a device, a subsystem or a channel says for those inside it."""
    if written := message.first(row, 14):
        group.times.setdefault(row[4], written)
    if device := device_in(message, row):
        group.devices.setdefault(row[4], device)


def device_in(message: Message, row: list[str]) -> str:
    """The identifier of OBX-18, else its universal one."""
    repetitions = message.repetitions(row, 18)
    if not repetitions:
        return ""
    parts = message.components(repetitions[0])
    device = (parts[0] or (parts[2] if len(parts) > 2 else ""))[:128]
    return device if message.is_clean or is_decoded(device) else ""


def containers_of(place: str) -> Iterator[str]:
    """OBX-4 of the channel, the subsystem and the device of a row: `1.2.3.4` -> `1.2.3.0`, `1.2.0.0`, `1.0.0.0`."""
    parts = place.split(".")
    for known in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[:known] + ["0"] * (len(parts) - known))
