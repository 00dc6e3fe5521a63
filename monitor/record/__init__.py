"""What is known about a patient, in bedside order.

facts.py          from an event to facts
history.py        the facts of the last 24 h: inserted, removed, moved into the checkpoint
late.py           what comes more than a day late
thinning.py       drops observations like their neighbours
latest_values.py  the latest value of each signal, for display
feed_health.py    when vitals last came, implausible values, clocks that run ahead
merge.py          two records of one patient become one
row.py            a state as bytes, for the table
other_builds.py   a state that an older or newer build wrote

Kept free for: labs.py (laboratory values)

Never here: what a fact means; that is the course's, which history folds anew when the past has changed.
"""
