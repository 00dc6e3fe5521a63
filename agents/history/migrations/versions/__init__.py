"""One file per step, oldest first.

    0001_first_tables.py    all tables of build 0.1
    0002_further_grades.py  a column for grades on further scales

Never here: a change of a step that was released.
"""
