"""The error of a CLIF data set that cannot be read."""

from __future__ import annotations


class ClifError(ValueError):
    """The directory is not a CLIF data set. The message gives the path and what was expected."""
