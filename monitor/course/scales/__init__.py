"""The grades of a course on each named scale, each held: it rises at once and falls late.

judged.py  the table of scales: how each is judged; all of them at one instant
crs.py     CRS by the profile in force, and by ASTCT 2019
hold.py    a grade that rises at once and falls late

A further scale is a field in schemas/state.py, a file here, and its row in judged.py.

Never here: an alert, or log time.
"""
