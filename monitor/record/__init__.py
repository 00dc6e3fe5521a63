"""What is known about a patient, in bedside order.

facts.py              from an event to facts
history.py            the facts of the last 24 h, moved into the checkpoint when old
late_events.py        facts in bedside order, whether on time, late, corrected or voided
before_checkpoint.py  what comes more than a day late
thinning.py           drops observations like their neighbours
unchanged_reading.py  a reading like the one before, kept without the full way
latest_values.py      the latest value of each signal, for display
feed_health.py        feed silence, implausible values, clock skew
merge.py              two records of one patient become one
row.py                a state as bytes, for the table
other_builds.py       a state that an older or newer build wrote
version_2.py          the rows of build 0.1

Kept free for: labs.py (laboratory values)

Never here: what a fact means; that is the course's, which late_events folds anew when the past has changed.
"""
