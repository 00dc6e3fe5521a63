"""Which lines changed since a commit: for the sample that every build takes."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def changed_lines(root: Path, since: str, paths: Iterable[str]) -> dict[str, set[int]]:
    """File -> lines, with what is not committed. Raises ValueError when git knows no such commit."""
    command = ["git", "diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-prefix", since, "--", *paths]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"git diff {since}: {done.stderr.strip()}")
    return lines_of(done.stdout)


def lines_of(diff: str) -> dict[str, set[int]]:
    """The lines that a diff without context has added or changed."""
    found: dict[str, set[int]] = defaultdict(set)
    file = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            file = line[4:]
        elif hunk := HUNK.match(line):
            first, count = int(hunk[1]), int(hunk[2] or 1)
            found[file] |= set(range(first, first + count))
    return {name: lines for name, lines in found.items() if lines}


def seed_of_head(root: Path) -> int:
    """A seed that is the same for everyone who tests this commit; 0 outside a git repository."""
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return int(done.stdout[:6], 16) if done.returncode == 0 else 0
