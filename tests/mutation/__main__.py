"""`python -m tests.mutation`: plants mistakes in the judgement and reports those that no quick test notices."""

from __future__ import annotations

import json
import random
import shlex
import sys
from math import inf
from pathlib import Path

import click

from tests.mutation.changed import changed_lines, seed_of_head
from tests.mutation.mutants import DEFAULT_PATHS, ROOT, Mutant, mutants_below
from tests.mutation.run import Result, judged, line_of, read_results, summary
from tests.mutation.session import SURVIVED
from tests.mutation.survivors import explained


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="Prints the ids and judges nothing.")
@click.option("--only", multiple=True, help="This id; can be given more than once.")
@click.option("--sample", type=click.IntRange(min=1), help="At most so many, chosen at random.")
@click.option("--seed", type=int, help="Of the sample. Without it: the seed of this commit.")
@click.option("--changed-since", help="Only lines that changed since this commit.")
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Results go there; those that it holds are not judged again."
)
@click.option(
    "--tests-by-line", type=click.Path(path_type=Path, exists=True), help="Of an earlier run of this very tree."
)
@click.option(
    "--fresh/--no-fresh", default=True, show_default=True, help="Survivors are tried in a fresh interpreter too."
)
@click.option("--seconds", type=float, default=inf, help="Of tests for a mutant, the shortest first: for a first look.")
def main(
    paths: tuple[str, ...], only_list: bool, only: tuple[str, ...], sample: int | None, seed: int | None,
    changed_since: str | None, resume: Path | None, tests_by_line: Path | None, fresh: bool, seconds: float,
) -> None:  # fmt: skip
    """Mutants of PATHS (monitor and agents/engine). Exit 1: one survived that survivors.toml does not explain."""
    mutants = chosen(mutants_below(ROOT, paths or DEFAULT_PATHS), only, changed_since)
    if sample is not None:
        seed = seed_of_head(ROOT) if seed is None else seed
        click.echo(f"seed {seed}: {min(sample, len(mutants))} of {len(mutants)} mutants", err=only_list)
        mutants = sampled(mutants, sample, seed)
    if only_list:
        click.echo("\n".join(mutant.id for mutant in mutants))
        return
    if not mutants:
        click.echo("no line that could be mutated has changed: nothing to judge")
        return
    sys.exit(report(mutants, judge_all(mutants, resume, tests_by_line, fresh, seconds)))


def chosen(mutants: list[Mutant], only: tuple[str, ...], since: str | None) -> list[Mutant]:
    """Those with these ids, on lines that changed. Raises click.UsageError for an unknown id or commit."""
    if unknown := set(only) - {mutant.id for mutant in mutants}:
        raise click.UsageError(f"no such mutant: {sorted(unknown)}")
    if since is not None:
        try:
            lines = changed_lines(ROOT, since, ["*.py"])
        except ValueError as problem:
            raise click.UsageError(str(problem)) from problem
        mutants = [mutant for mutant in mutants if mutant.line in lines.get(mutant.file, ())]
    return [mutant for mutant in mutants if not only or mutant.id in only]


def sampled(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """The same ones for the same seed, in the order of the files."""
    numbers = random.Random(seed).sample(range(len(mutants)), min(count, len(mutants)))
    return [mutants[number] for number in sorted(numbers)]


def judge_all(
    mutants: list[Mutant], resume: Path | None, tests_by_line: Path | None, fresh: bool, seconds: float
) -> list[Result]:
    """Judges what an earlier run has not; prints every survivor at once and the progress every 25 mutants."""
    before = read_results(resume) if resume else {}
    kept = [before[mutant.id] for mutant in mutants if mutant.id in before]
    waiting = sorted((mutant for mutant in mutants if mutant.id not in before), key=Mutant.is_outside_functions)

    def each(result: Result, left: int) -> None:
        # Who survived a first look has to stand the others, too.
        if resume and (result.verdict != SURVIVED or seconds == inf):
            with resume.open("a", encoding="utf-8") as file:
                file.write(line_of(result) + "\n")
        if result.verdict == SURVIVED:
            click.echo(f"survived ({result.seconds:.0f} s): {result.id}")
        elif left % 25 == 0:
            click.echo(f"{len(kept) + len(waiting) - left} of {len(mutants)} judged")

    return kept + (judged(waiting, fresh, tests_by_line, each, seconds) if waiting else [])


def report(mutants: list[Mutant], results: list[Result]) -> int:
    """Prints the result, and what each unexplained survivor was; gives the exit code."""
    found = summary(results)
    unexplained = [name for name in found["survived"] if name not in explained()]
    click.echo(json.dumps({"mutants": found["mutants"], "killed": found["killed"], "unexplained": len(unexplained)}))
    by_id = {mutant.id: mutant for mutant in mutants}
    for name in unexplained:
        mutant = by_id[name]
        click.echo(f"\nSURVIVED {name}\n  {mutant.file}:{mutant.line} becomes: {mutant.replacement}")
        click.echo(f"  again: python -m tests.mutation {mutant.file} --only {shlex.quote(name)}")
    if unexplained:
        click.echo("\nWrite a story or a threshold that fails with it, or explain it in tests/mutation/survivors.toml.")
    return 1 if unexplained else 0


if __name__ == "__main__":
    main()
