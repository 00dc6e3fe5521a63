"""HL7 v2 messages as events of the contract.

source.py       files as a source of events; files.py the messages in a file
translate.py    one message: its type decides who reads it
message.py      segments, fields, delimiters, escapes, character set
context.py      sender, clocks and patient of a message
observations.py the rows of ORU and ADT as drafts: groups.py by OBR, observation_row.py one OBX (row_plan.py the same,
                faster), observation_value.py its value
pumps.py        rows of infusion pumps
medication.py   RAS: the administrations of a message; administration.py one RXA
movement.py     ADT: movements and merges

Never here: a network, or a rule that FHIR shares.
"""
