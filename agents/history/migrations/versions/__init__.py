"""One file per step, oldest first.

    0001_first_tables.py   all tables of build 0.1

Never here: a change of a step that was released.
"""
