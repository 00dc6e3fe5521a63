"""What the facts mean: the clinical course of a patient, by bedside time alone.

fold.py             facts and timers, instant by instant
observations.py     what a reading changes, and when it counts
fast_path.py        the same for a reading like the one before, and when that may be taken
further_signals.py  judged signals that have no field of their own
entries.py          what medication lines, the context and clinicians' statements change
administrations.py  which of those lines are one dose
infusions.py        which of them run, and what they come to
age.py              the age, past a birthday by itself
axes.py             the grades of hypotension and hypoxia
episodes.py         fever and masked fever, the episode, and what its grade rests on
scales.py           the grade on each named scale, held

Facts change the signals, the signals give the findings of the axes, and these and the fever give episode and grade.
Kept free for: neurotoxicity.py (ICANS)

Never here: log time, or an alert.
"""
