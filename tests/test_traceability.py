"""Every line of the guideline that asks for something leads to a rule, every rule to its source and to a test."""

from __future__ import annotations

import pytest

from monitor.guidelines.profile_loader import load
from tests.traceability import PROFILES, TABLE, document, guideline, raised_by

RAISED_BY = raised_by()


def test_the_table_is_as_it_would_be_written_now() -> None:
    assert TABLE.read_text(encoding="utf-8") == document(), "run python -m tests.traceability"


def test_every_line_of_the_guideline_is_listed_once() -> None:
    assert [asked.number for asked in guideline()] == list(range(1, 62))


def test_a_line_without_a_rule_is_a_heading_or_a_definition() -> None:
    silent = {asked.what.partition(":")[0] for asked in guideline() if not asked.rules}
    assert silent == {"title", "heading", "table head", "table rule", "what CRS is and after which treatments it comes"}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_rule_a_line_names_exists(profile: str) -> None:
    named = {rule for asked in guideline() for rule in asked.rules}
    assert named - load(profile).rules.keys() == set()


def test_every_rule_of_a_line_is_raised_in_a_story_that_the_line_names() -> None:
    silent = {
        (asked.number, rule)
        for asked in guideline()
        for rule in asked.rules
        if not any(story in RAISED_BY.get(rule, ()) for story in asked.stories)
    }
    assert silent == set()


def test_no_line_names_a_story_that_raises_none_of_its_rules() -> None:
    idle = {
        (asked.number, story)
        for asked in guideline()
        for story in asked.stories
        if not any(story in RAISED_BY.get(rule, ()) for rule in asked.rules)
    }
    assert idle == set()


@pytest.mark.parametrize("profile", PROFILES)
def test_every_rule_has_a_source_in_words(profile: str) -> None:
    rules = load(profile)
    assert all(rules.source_of(rule) for rule in rules.rules)
    from_guideline = {rule for rule, source in rules.rules.items() if source.startswith("G")}
    assert from_guideline == {rule for asked in guideline() for rule in asked.rules if rules.rules[rule][0] == "G"}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_rule_is_raised_by_a_story_or_a_threshold(profile: str) -> None:
    assert load(profile).rules.keys() - RAISED_BY.keys() == set()


def test_no_test_expects_a_rule_that_no_profile_has() -> None:
    known = set().union(*(load(profile).rules for profile in PROFILES))
    assert RAISED_BY.keys() - known == set()


@pytest.mark.parametrize("profile", PROFILES)
def test_every_number_has_a_source(profile: str) -> None:
    rules = load(profile)
    assert rules.values.keys() - rules.value_sources.keys() == set()
    assert all(rules.value_sources.values())
