"""A worker as a member of its Kafka group: its name and address in the group, and whether it still takes part."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import faust

from agents.platform.settings import Settings


def identity(settings: Settings) -> dict[str, Any]:
    """The settings of Faust that say who this worker is: the same each time a named worker starts.

    A named worker that comes back within its session is given the group's last shares, without a new sharing. They
    carry the URL that it had when they were shared out, and Faust takes no others than with its own. By default the URL
    has the host name, and a container that replaces another has a new one: it would get no partitions for minutes.
    Nothing is served at this URL.
    """
    name = settings.instance_id
    if name is None:
        return {}
    return {"consumer_group_instance_id": name, "canonical_url": f"http://{quote(name, safe='')}"}


def lost(app: faust.App, settings: Settings) -> str | None:
    """Why this worker no longer takes part in its group; None while it takes part or has not joined yet.

    After an error while it joins, aiokafka logs it once and never tries again. A named worker waits for the end of its
    session before this returns: one that came back sooner would be given the same shares again, as after an update
    that changes its URL. Any thread but the event loop's may call it.
    """
    consumer: Any = getattr(getattr(app._consumer, "_thread", None), "_consumer", None)
    task = getattr(getattr(consumer, "_coordinator", None), "_coordination_task", None)
    if task is None or not task.done() or task.cancelled() or task.exception() is None:
        return None
    if settings.instance_id is not None:
        time.sleep(settings.session_timeout_seconds)
    return f"it takes no part in its group any more: {task.exception()!r}"
