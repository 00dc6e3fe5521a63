"""How times and numbers are kept and printed.

instants.py  whole milliseconds since 1970 UTC
rounding.py  numbers at the resolution that people print

Never here: a clock.
"""
