"""Simulated patients: their illness, and the record that a ward keeps of it, with its mishaps.

    illness.py     the severity of each patient over time
    generator.py   beds, charting, treatment and repeated, late or wrong entries → events

Never here: a clock or an unseeded random number; the same seed gives the same events.
"""
