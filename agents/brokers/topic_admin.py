"""Topics at the brokers: compared with what is wanted, and created where they are missing. None is ever altered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from agents.brokers.preflight import describe_topics
from agents.brokers.topic_specs import WantedTopic
from agents.platform.errors import UserError
from agents.platform.settings import Settings

PATIENCE_SECONDS = 5.0
JOINING_SECONDS = 5.0
READY_MS = 30_000
FORBIDDEN = (ClusterAuthorizationFailedError, TopicAuthorizationFailedError)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One topic: what is wanted, and in what the existing one differs. `missing`: there is none."""

    wanted: WantedTopic
    missing: bool
    differences: tuple[str, ...] = ()


def compare(settings: Settings, topics: Sequence[WantedTopic]) -> list[Comparison]:
    """Each topic beside what is there. Raises UserError when the brokers cannot be asked."""
    there = describe_topics(settings, PATIENCE_SECONDS)
    existing = [topic.name for topic in topics if topic.name in there]
    configurations = configured(settings, existing) if existing else {}
    return [
        Comparison(topic, missing=False, differences=tuple(differing(topic, there[topic.name], configurations)))
        if topic.name in there
        else Comparison(topic, missing=True)
        for topic in topics
    ]


def differing(topic: WantedTopic, there: Any, configurations: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """In what an existing topic is other than the settings want it."""
    if there.partitions != topic.partitions:
        yield f"partitions are {there.partitions}, wanted {topic.partitions}"
    if there.copies != topic.copies:
        yield f"copies are {there.copies}, wanted {topic.copies}"
    for name, value in topic.configuration.items():
        is_set = configurations[topic.name].get(name)
        if is_set != value:
            yield f"{name} is {is_set}, wanted {value}"


def configured(settings: Settings, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The configuration in force of each topic."""
    with closing(admin(settings)) as client, told_plainly(settings):
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answer = client.describe_configs(asked, config_filter="all").get("topic", {})
    return {name: {key: each["value"] for key, each in answer.get(name, {}).items()} for name in names}


def create(settings: Settings, topics: Sequence[WantedTopic]) -> None:
    """Creates topics and waits until each has leaders. Raises UserError saying why one was refused."""
    if not topics:
        return
    until = time.monotonic() + JOINING_SECONDS
    with closing(admin(settings)) as client, told_plainly(settings):
        brokers = len(client.describe_cluster()["brokers"])
        remaining = list(topics)
        while remaining:
            answer = client.create_topics({topic.name: order(topic) for topic in remaining}, raise_errors=False)
            refused = {each["name"]: each for each in answer["topics"] if for_code(each["error_code"]) is not NoError}
            # Just after a start the controller may not know all brokers yet.
            remaining = [topic for topic in remaining if is_refused(refused.get(topic.name))]
            if remaining:
                error = refused[remaining[0].name]
                early = for_code(error["error_code"]) is InvalidReplicationFactorError
                if not early or time.monotonic() > until:
                    raise UserError(why_refused(remaining[0], error, brokers))
                time.sleep(0.5)
        client.wait_for_topics([topic.name for topic in topics], timeout_ms=READY_MS)


def order(topic: WantedTopic) -> dict[str, Any]:
    """A topic as the broker is asked for it."""
    return {
        "num_partitions": topic.partitions,
        "replication_factor": topic.copies,
        "configs": topic.configuration,
    }


def is_refused(answer: Mapping[str, Any] | None) -> bool:
    """Whether a topic was not created; one that somebody else has just created is as good."""
    return answer is not None and for_code(answer["error_code"]) is not TopicAlreadyExistsError


def why_refused(topic: WantedTopic, answer: Mapping[str, Any], brokers: int) -> str:
    """One line with advice."""
    kind = for_code(answer["error_code"])
    if kind is InvalidReplicationFactorError:
        return (
            f"topic {topic.name}: {topic.copies} copies are wanted, but the cluster has {brokers} broker(s); "
            f"start more brokers, or set CRS_REPLICATION_FACTOR to {brokers} or fewer"
        )
    if kind in FORBIDDEN:
        return f"topic {topic.name}: the brokers do not let this user create it; ask for the right to create topics"
    return f"topic {topic.name} cannot be created: {answer.get('error_message') or kind.__name__}"


def delete(settings: Settings, names: Sequence[str]) -> None:
    """Removes topics with all that is in them: for tests, which leave nothing behind."""
    with closing(admin(settings)) as client, told_plainly(settings):
        client.delete_topics(list(names), raise_errors=False)


def admin(settings: Settings) -> KafkaAdminClient:
    """A connected kafka-python admin client."""
    with told_plainly(settings):
        return KafkaAdminClient(bootstrap_timeout_ms=READY_MS, client_id="crs-topics", **settings.kafka_python())


@contextmanager
def told_plainly(settings: Settings) -> Iterator[None]:
    """What the client library raises becomes one line."""
    try:
        yield
    except KafkaError as error:
        words = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(f"{settings.bootstrap_servers}: {words}; are the brokers well?") from error
