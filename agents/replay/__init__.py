"""Recorded events or records of the log through the judgement, without a broker or a clock.

    replay.py           a source of records → engine, with the ticks between them → states, alerts, dead letters
    log_file.py         a stretch of the log in a file, checked line by line; log_replay.py judges it as the worker did
    statistics.py       counts what a replay gave; summary.py prints that
    progress.py         a progress bar over the source
    injected_doses.py   gives tocilizumab by the rules where recorded stays have none, and marks it

Never here: a judgement of its own; the engine of the worker judges (agents/engine/partition.py).
"""
