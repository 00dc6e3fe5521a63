"""Mistakes planted in the judgement: every one, or a sample; those that no quick test notices must be explained.

`python -m benchmarks.long.mutation --results mutants.ndjson`, or `make long-mutation`. A run that was broken off goes
on where it ended when it gets the same file again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmarks.long.result import Proof
from tests.mutation.__main__ import sampled
from tests.mutation.mutants import DEFAULT_PATHS, ROOT, Mutant, mutants_below
from tests.mutation.run import Result, judged, line_of, read_results
from tests.mutation.session import SURVIVED
from tests.mutation.survivors import explained


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--results", type=click.Path(path_type=Path), default=Path("out/mutants.ndjson"), show_default=True)
@click.option("--sample", type=click.IntRange(min=1), help="So many, chosen at random; without it, every one.")
@click.option("--seed", default=1, show_default=True)
def main(paths: tuple[str, ...], results: Path, sample: int | None, seed: int) -> None:
    """The run over PATHS (monitor and agents/engine)."""
    mutants = mutants_below(ROOT, paths or DEFAULT_PATHS)
    mutants = sampled(mutants, sample, seed) if sample else mutants
    results.parent.mkdir(parents=True, exist_ok=True)
    before = read_results(results)
    with Proof("long-mutation", seed, len(mutants), "mutants") as proof:
        for mutant in mutants:
            if mutant.id in before:
                count(proof, before[mutant.id])
        judge(proof, [mutant for mutant in mutants if mutant.id not in before], results)
    sys.exit(proof.exit_code())


def judge(proof: Proof, mutants: list[Mutant], results: Path) -> None:
    """Judges the rest, and keeps each result at once."""

    def each(result: Result, left: int) -> None:
        with results.open("a", encoding="utf-8") as file:
            file.write(line_of(result) + "\n")
        count(proof, result)

    if mutants:
        judged(sorted(mutants, key=Mutant.is_outside_functions), True, None, each)


def count(proof: Proof, result: Result) -> None:
    """One mutant more."""
    if result.verdict == SURVIVED and result.id not in explained():
        proof.failed(f"survived: {result.id}")
    proof.done()


if __name__ == "__main__":
    main()
