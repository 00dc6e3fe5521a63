"""What holds for a whole message: its sender, clocks, version and patient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.feeds.hl7.message import Message, is_decoded
from agents.feeds.translation.moments import Clocks, Moment, hl7_moment, hl7_offset
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import FeedSettings, Sender
from agents.feeds.translation.systems import Coding
from agents.feeds.translation.tables import Tables

NO_ONE = frozenset({"", "unknown", "unknownpatient", "unk"})
IDENTIFIER_FIELDS = (3, 2, 4)


@dataclass(slots=True)
class Context:
    """One message on its way through the translation.

    `received`: MSH-7, where it is a time. `origin`: the sender as part of what a statement is about, MSH-3.1 and -4.1.
    `is_pcd`: it is of a profile for devices (MSH-21).
    """

    message: Message
    settings: FeedSettings
    sender: Sender
    clocks: Clocks
    received: Moment | None
    outcome: Outcome
    origin: str
    is_pcd: bool

    @property
    def tables(self) -> Tables:
        """The tables of the site and ours."""
        return self.settings.tables

    @property
    def version(self) -> int | None:
        """Of two messages about the same thing the one that was sent later stands."""
        return None if self.received is None else self.received.ms

    def is_readable(self, text: str, where: str) -> bool:
        """Whether every byte of what is used was of the character set; else the place is a dead letter."""
        if self.message.is_clean or is_decoded(text):
            return True
        self.outcome.refuse("bad_charset", f"{where}: a byte that is not of the character set of the message")
        return False

    def moment(self, written: str, where: str) -> Moment | None:
        """A time, or None with a dead letter that says why."""
        found = hl7_moment(written, self.clocks)
        if isinstance(found, Moment):
            return found
        self.outcome.refuse(found, f"{where}: {TIME_TEXTS[found]}")
        return None

    def plain_moment(self, written: str) -> Moment | None:
        """A time without components or escapes; None for all that is none."""
        found = hl7_moment(written, self.clocks)
        return found if isinstance(found, Moment) else None

    def codings(self, text: str) -> tuple[Coding, ...]:
        """Both triplets of a coded field."""
        parts = self.message.components(text)
        triplets = (parts[at : at + 3] for at in (0, 3) if any(parts[at : at + 2]))
        return tuple(Coding(*system_last(one)) for one in triplets)


TIME_TEXTS = {
    "not_a_time": "must be a time with at least hour and minute",
    "naive_time": "has no offset, and no time zone is set for its sender",
    "ambiguous_time": "is in the hour that the time zone repeats",
}


def system_last(triplet: Sequence[str]) -> tuple[str, str, str]:
    """System, code and text of a triplet `code^text^system`, which may be shorter."""
    code, text, system = (*triplet, "", "", "")[:3]
    return system, code, text


def context_of(message: Message, settings: FeedSettings, outcome: Outcome, arrival: int | None) -> Context:
    """The context of a message. `arrival`: when it came, ms; None for files."""
    header = message.header
    application, facility = message.first(header, 3), message.first(header, 4)
    sender = settings.sender(application, facility)
    written = message.get(header, 7).partition(message.component)[0]
    clocks = Clocks(hl7_offset(written), sender.zone, arrival)
    received = hl7_moment(written, clocks)
    return Context(
        message=message,
        settings=settings,
        sender=sender,
        clocks=clocks,
        received=received if isinstance(received, Moment) else None,
        outcome=outcome,
        origin=f"{application}\x1f{facility}",
        is_pcd="PCD" in message.get(header, 21),
    )


def patient_in(context: Context, segment: list[str], fields: Iterable[int] = IDENTIFIER_FIELDS) -> str | None:
    """The patient of PID (or of MRG): the first identifier of the site's list that a field has; None: nobody."""
    message = context.message
    for number in fields:
        repetitions = [message.components(one) for one in message.repetitions(segment, number)]
        named = [one for one in repetitions if is_someone(one[0])]
        for wanted in context.sender.identifiers:
            for one in named:
                if fits(one, wanted, message):
                    return one[0]
    return None


def is_someone(identifier: str) -> bool:
    """Whether an identifier names a patient."""
    return "".join(identifier.casefold().split()) not in NO_ONE


def fits(components: list[str], wanted: str, message: Message) -> bool:
    """Whether an identifier is of the wanted `TYPE@AUTHORITY`, `TYPE`, or any (`*`)."""
    if wanted == "*":
        return True
    kind, _, authority = wanted.partition("@")
    if kind != (components[4] if len(components) > 4 else ""):
        return False
    assigned = (components[3] if len(components) > 3 else "").split(message.subcomponent)
    return not authority or authority in assigned
