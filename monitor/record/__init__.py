"""What is known about a patient, in bedside order.

facts.py              from an event to facts, kept in bedside order
entry_facts.py        the same for medication lines, context and statements
identity.py           which entry an event is: its key, its content
corrections.py        what is taken back and what stands again
correction_graph.py   the same, of corrections of corrections
late_events.py        facts put in their place: on time, late, corrected or voided; after a day into the checkpoint
before_checkpoint.py  what comes more than a day late
thinning.py           drops observations like their neighbours
unchanged_reading.py  a reading like the one before, kept without the full way
latest_vitals.py      the latest value of each signal, for display; when vitals last came, implausible values
merge.py              two records of one patient become one
row.py                a state as bytes, for the table
other_builds.py       a state that an older or newer build wrote
version_2.py          the rows of build 0.1

Kept free for: labs.py (laboratory values)

Never here: what a fact means; that is the course's, which late_events folds anew when the past has changed.
"""
