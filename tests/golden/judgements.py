"""A digest of what was judged in each story: every word of every alert, and the states at its end.

A change of the judgement, also of a text or of a piece of evidence that no story mentions, shows in the digests of the
stories that it concerns: `python -m tests.golden.record` writes them anew, and the diff names the stories.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

from tests.stories.engines import engine_alone
from tests.stories.story_file import Story, every_story
from tests.stories.story_run import StoryRun

JUDGEMENTS = Path(__file__).parent / "judgements.txt"


def judgement(story: Story) -> str:
    """The digest of a story. The profile's version is left out: it is no judgement."""
    engine = engine_alone(story.profile)
    run = StoryRun(story, engine)
    run.run()
    digest = blake2b(digest_size=8)
    for alert in run.raised:
        content = alert.model_dump(mode="json", exclude_none=True)
        del content["rule"]["profile_version"]
        digest.update(json.dumps(content, sort_keys=True).encode())
    for patient_id in sorted(engine.states):
        digest.update(engine.view(patient_id, engine.states[patient_id].clock).model_dump_json().encode())
    return digest.hexdigest()


def kept() -> dict[str, str]:
    """The digests that were kept, by story."""
    lines = JUDGEMENTS.read_text(encoding="utf-8").splitlines()
    return {story: digest for digest, story in (line.split("  ", 1) for line in lines)}


def write() -> None:
    """Writes the digest of every story."""
    lines = (f"{judgement(story)}  {story.name}\n" for story in every_story())
    JUDGEMENTS.write_text("".join(lines), encoding="utf-8")
