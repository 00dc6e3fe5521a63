"""A file of ours with planted changes, for tests of what reads it."""

from __future__ import annotations


def changed(text: str, *changes: tuple[str, str]) -> str:
    """The text with these changes, each of which must find its place."""
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text
