"""Mutation: one small mistake at a time is planted in the judgement, and a quick test has to notice it.

operators.py      the mistakes that one expression or statement can get
mutants.py        all mutants of a file, with ids that survive shifted lines
changed.py        the lines that changed since a commit
tests_by_line.py  which quick tests touch which line
session.py        a pytest session that judges one mutant after the other
chosen_tests.py   a list of tests in a fresh interpreter
run.py            two sessions at once, results
survivors.py      the mutants that may survive, with reasons (survivors.toml)
__main__.py       the command: `python -m tests.mutation --help`

The working tree is never changed: each session has a copy.
"""
