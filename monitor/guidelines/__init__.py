"""By what a patient is judged: every clinical number and drug is data, with its unit and source.

in_force.py          the guideline of a judgement: a profile, ASTCT 2019 for comparison, and the formulary
model.py             the types of a profile
profile_loader.py    reads a profile from profiles/*.toml
profile_checks.py    refuses gaps, overlaps and unknown sources in it
rule_ids.py          the names of all rules
oxygen_ladder.py     the order of the oxygen devices
formulary_lookup.py  finds drugs by name or code
formulary_loader.py  reads the table of drugs from formulary.toml
profiles/            house.toml, astct-2019.toml

Kept free for: ward_policy.py (what a ward changes in a profile)

Never here: anything about one patient.
"""
