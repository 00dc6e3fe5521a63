"""Events for a Kafka without a hospital behind it: a simulated ward, or recorded stays moved to now.

    patients/       how simulated patients fall ill and what is charted about them
    live_ward.py    that ward in real time, at a chosen rate
    stays.py        recorded stays, as if all began now
    census.py       who is in the ward, so that a run leaves nobody behind in a bed
    story.py        an event with the time at which it is due; ids that no other run has
    sending.py      sends each event when it is due, and writes the ledger

Never here: anything that a service needs; only cli, demo and tests import this package.
"""
