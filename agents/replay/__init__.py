"""Recorded events through the judgement, without a broker or a clock.

    replay.py           a source of records → engine, with the ticks between them → states, alerts, dead letters
    statistics.py       counts what a replay gave; summary.py prints that
    progress.py         a progress bar over the source
    injected_doses.py   gives tocilizumab by the rules where recorded stays have none, and marks it

Never here: a judgement of its own; the engine of the worker judges.
"""
