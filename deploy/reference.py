"""Writes the tables of docs/operations.md (topics, settings) from the code; `--check` only reports a difference."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from agents.brokers.topic_specs import wanted_topics
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import SECRETS, Settings
from schemas.topics import TOPICS

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"


def settings_table() -> str:
    """Every setting: its name in the environment, its default, its meaning."""
    lines = ["| environment | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = BOOTSTRAP if name == "bootstrap_servers" else f"CRS_{name.upper()}"
        files = f", or `{variable}_FILE`" if name in SECRETS else ""
        lines.append(f"| `{variable}`{files} | {default(field)} | {meaning(field)} |")
    return "\n".join(lines)


def default(field: FieldInfo) -> str:
    """The default of a setting as code; empty when there is none."""
    value: Any = field.default
    if value is None:
        return ""
    if isinstance(value, enum.Enum):
        value = value.value
    return f"`{value}`"


def meaning(field: FieldInfo) -> str:
    """The description of a setting, with the members of a closed set and whether it is a secret."""
    description = str(field.description)
    if SecretStr in get_args(field.annotation):
        description += " A secret."
    members = [member for member in get_args(field.annotation) if isinstance(member, str)]
    return f"{description} One of {', '.join(f'`{member}`' for member in members)}." if members else description


def topics_table() -> str:
    """Every topic: who writes and reads it, and how long it keeps records."""
    contract = {topic.full_name("crs."): (topic.written_by, topic.read_by, topic.key) for topic in TOPICS}
    own = {"crs.watch-patients-changelog": "workers", "crs.dispatch-delivered": "dispatch"}
    lines = ["| topic | key | written by | read by | kept |", "|---|---|---|---|---|"]
    for topic in wanted_topics(Settings.model_construct()):
        owner = own.get(topic.name, "")
        writer, reader, key = contract.get(topic.name, (owner, owner, "its own"))
        lines.append(f"| `{topic.name}` | {key} | {writer} | {reader} | {topic.kept} |")
    return "\n".join(lines)


def with_tables(page: str) -> str:
    """The page with its tables replaced by those of the code."""
    for name, table in (("topics", topics_table()), ("settings", settings_table())):
        begin, end = f"<!-- {name}: written by deploy/reference.py -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


def main() -> int:
    """Writes or checks the page; the exit code."""
    page = PAGE.read_text(encoding="utf-8")
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(with_tables(page), encoding="utf-8")
        return 0
    if with_tables(page) == page:
        return 0
    print(f"{PAGE.name}: differs from the code; run python deploy/reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
