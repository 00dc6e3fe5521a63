"""One HL7 v2 message as segments and fields, with its own delimiters and escapes. Reads, and judges nothing.

A reader of our own: libraries take 50 to 5,000 times as long for a message of a bedside monitor (benchmarks/feeds.py),
and refuse what vendors send.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

USUAL = frozenset({"MSH", "PID", "PV1", "OBR", "OBX", "ORC", "RXA", "NTE"})
SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
# Bytes that are not of the character set are kept as these, so that only what is read of them is refused.
UNDECODED = re.compile("[\udc80-\udcff]")
ESCAPED = {"F": 0, "S": 1, "R": 2, "T": 4}
# Framing bytes, line ends and the parts of a byte order mark.
AROUND = b"\x0b\x1c\r\n \xef\xbb\xbf"

# HL7 table 0211 and what is sent in its place; another name is read as ASCII, so that no other byte is guessed.
CHARSETS = {
    "ASCII": "ascii",
    "8859/1": "latin-1",
    **{f"8859/{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc-kr",
    "BIG-5": "big5",
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
    "ISO-8859-1": "latin-1",
    "ISO_8859-1": "latin-1",
    "ISO_IR 100": "latin-1",
    "ISO_IR 192": "utf-8",
}


JAPANESE = frozenset({"ISO IR87", "ISO IR159"})


class NotHl7(ValueError):
    """The bytes are no message; the text says why, without quoting them."""


@dataclass(slots=True)
class Message:
    """Segments as lists of fields; `fields[n]` is field n, of MSH too. `is_clean`: every byte was of its charset."""

    segments: list[list[str]]
    charset: str
    is_clean: bool
    component: str
    repetition: str
    escape: str
    subcomponent: str
    field: str

    @property
    def header(self) -> list[str]:
        """MSH."""
        return self.segments[0]

    def get(self, segment: list[str], number: int) -> str:
        """A field as it was sent; `""` (delete) and a missing one are empty."""
        text = segment[number] if number < len(segment) else ""
        return "" if text == '""' else text

    def first(self, segment: list[str], number: int) -> str:
        """The first component of a field's first repetition."""
        text = segment[number] if number < len(segment) else ""
        if not text:
            return text
        return self.plain(text.partition(self.repetition)[0].partition(self.component)[0])

    def repetitions(self, segment: list[str], number: int) -> list[str]:
        """The repetitions of a field."""
        text = self.get(segment, number)
        return text.split(self.repetition) if text else []

    def components(self, text: str) -> list[str]:
        """The components of a repetition, escapes undone; a component's own parts stay together."""
        return [self.plain(part) for part in text.split(self.component)]

    def plain(self, text: str) -> str:
        """A text with its escape sequences undone; `""` alone is empty."""
        if text == '""':
            return ""
        if not self.escape or self.escape not in text:
            return text.strip()
        return self._unescaped(text).strip()

    def _unescaped(self, text: str) -> str:
        """`\\F\\`, `\\S\\`, `\\T\\`, `\\R\\`, `\\E\\`, `\\Xhh\\` and line breaks; also with the escape doubled."""
        delimiters = (self.field, self.component, self.repetition, self.escape, self.subcomponent)
        parts = text.replace(self.escape * 2, self.escape).split(self.escape)
        plain = [parts[0]]
        for number, part in enumerate(parts[1:], 1):
            if number % 2 == 0 or number == len(parts) - 1:
                plain.append(part if number % 2 == 0 else self.escape + part)
            elif part in ESCAPED:
                plain.append(delimiters[ESCAPED[part]])
            else:
                plain.append(self._special(part))
        return "".join(plain)

    def _special(self, part: str) -> str:
        """An escape sequence that is no delimiter; highlighting and what is unknown becomes nothing."""
        if part == "E":
            return self.escape
        if part[:1] == "X" and re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", part):
            return bytes.fromhex(part[1:]).decode(self.charset, "surrogateescape")
        return "\n" if part.startswith(".br") else ""


def is_decoded(text: str) -> bool:
    """Whether every byte of a text was of the message's character set."""
    return text.isascii() or UNDECODED.search(text) is None


def parse(raw: bytes, default_charset: str | None = None) -> Message:
    """The message in some bytes. `default_charset`: the sender's, where MSH-18 is empty. Raises NotHl7."""
    raw = raw.strip(AROUND)
    header = raw[:4096].split(b"\r")[0].split(b"\n")[0].decode("latin-1")
    if not header.startswith("MSH") or len(header) < 8 or not is_delimiter(header[3]):
        raise NotHl7("does not begin with MSH and its delimiters")
    fields = header.split(header[3])
    charset = charset_of(fields[17] if len(fields) > 17 else "", fields[1][1:2] or "~") or default_charset or "utf-8"
    text, is_clean = decoded(raw, charset)
    component, repetition, escape, subcomponent = delimiters_of(fields[1])
    return Message(
        segments=segments_of(text, header[3]),
        charset=charset,
        is_clean=is_clean,
        component=component,
        repetition=repetition,
        escape=escape,
        subcomponent=subcomponent,
        field=header[3],
    )


def is_delimiter(character: str) -> bool:
    """Whether a character can part fields: one of ASCII, and no letter, digit, space or control."""
    return character.isascii() and character.isprintable() and not character.isalnum() and character.strip() != ""


def charset_of(written: str, repetition: str) -> str | None:
    """The character set of MSH-18 (its first repetition); None when it is empty.

    Japanese text changes its character set within a field, which no other repetition than the later ones says.
    """
    all_sets = [one.strip().upper() for one in written.split(repetition)]
    if JAPANESE & {*all_sets}:
        return "iso2022_jp"
    return CHARSETS.get(all_sets[0], "ascii") if all_sets[0] else None


def decoded(raw: bytes, charset: str) -> tuple[str, bool]:
    """The text; a byte that is not of the character set is kept as a mark that no field which is read may hold."""
    try:
        return raw.decode(charset), True
    except UnicodeDecodeError:
        return raw.decode(charset, "surrogateescape"), False


def delimiters_of(encoding: str) -> tuple[str, str, str, str]:
    """Component, repetition, escape and subcomponent of MSH-2; the escape may be missing, or doubled."""
    component, repetition, rest = encoding[:1], encoding[1:2], encoding[2:]
    if not is_delimiter(component) or not is_delimiter(repetition):
        raise NotHl7("MSH-2 does not name the delimiters")
    if len(rest) == 1:
        return (component, repetition, "", rest) if rest == "&" else (component, repetition, rest, "&")
    if len(rest) > 2 and rest[0] == rest[1]:
        rest = rest[1:]
    return component, repetition, rest[:1], rest[1:2] or "&"


def segments_of(text: str, field: str) -> list[list[str]]:
    """The segments as lists of fields. A line that is no segment goes on with the field before it."""
    segments: list[list[str]] = []
    for line in text.replace("\n", "\r").split("\r") if "\n" in text else text.split("\r"):
        fields = line.split(field)
        name = fields[0]
        if name in USUAL or SEGMENT_NAME.fullmatch(name.strip()):
            fields[0] = name.strip()
            segments.append(fields)
        elif line.strip() and segments:
            segments[-1][-1] += "\n" + fields[0]
            segments[-1].extend(fields[1:])
    segments[0].insert(1, field)
    return segments
