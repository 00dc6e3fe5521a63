"""Simulated patients: their illness, and the record that a ward keeps of it, with its mishaps.

    illness.py     the severity of each patient over time
    bed.py         one bed: who lies in it, monitor readings and charted values
    treatment.py   what the team does: oxygen, vasopressors, doses
    bed_record.py  the record of a bed, with late, repeated, corrected and wrong entries
    generator.py   all beds → events in order of arrival

Never here: a clock or an unseeded random number; the same seed gives the same events.
"""
