"""What HL7 and FHIR share on the way from a message to events. Pure: `message, tables, memory -> events, letters`.

In the order in which a message passes:
settings.py      feeds.toml; rows.py its rows and what they may say
tables.py        codes, words, units, drugs looked up; table_index.py builds them, a site's before shipped/
systems.py       code systems by all their names
moments.py       times with their offset, or why there is none
values.py        numbers and words as fields of an event; units.py conversions; amounts.py doses and rates
drugs.py         names, routes, indications, products
statements.py    what a message states: drafts of events, and ids that depend on nothing else
memory.py        what was stated before: repeats, corrections, voids; lines.py one event through these
delivery.py      drafts through the plausible ranges and the memory to events
outcome.py       what became of a message; letters.py, summary.py: as dead letters and counts
feed_files.py    files of messages as a source of events

Never here: I/O but the reading of files, a clock, or anything that only one format has.
"""
