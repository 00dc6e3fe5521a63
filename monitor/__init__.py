"""The judgement: one event in, the patient's new state and alerts out. Pure: no clock, no I/O, no randomness.

step.py          one event or tick: record -> course -> alerts; the centre
defect.py        what happens when `step` fails on an event
patient_view.py  the published state of a patient
verdicts.py      the reasons for what a step did, or did not do
model.py         the state of one patient; fact_types.py what an event contains, step_types.py what it did
merging.py       a record that is merged into another patient's
alerts/          which alerts should be open, their texts, and their life
record/          what is known: the facts of an event, in bedside order
course/          what it means: findings, episode, grades
guidelines/      by what it is judged: profiles and formulary
units.py         instants as ms, readings as whole numbers
decisions/       why it is so

An event is turned into facts (record), the facts are folded into the course, and rules compare the course with the open
alerts (alerts). The same events in the same order always give the same states and alerts.

Never here: a clock, I/O, a log line, a metric, randomness, Kafka.
"""
