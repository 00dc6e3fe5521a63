"""Alerts: which ones should be open for a patient, and the messages that follow from the difference.

The way of a judgement: `lifecycle.reconcile` asks `rules` what should be open, compares that with the open alerts and
lets `messages` write what changed.

    candidate.py        what a rule reads and what it returns
    rules.py            onset, escalation, masked fever, neurotoxicity, recovery; collects the other rules
    reviews.py          what a clinician should look at
    tocilizumab.py      doses due, to consider, to repeat, limited or unsafe
    treatment_steps.py  what the guideline asks for beside tocilizumab
    data_alerts.py      feed silence, clock skew, implausible or missing values, an event that failed
    record_alerts.py    one dose charted twice, a merge that was not undone
    evidence.py         the observations that an alert rests on
    messages.py         the alert as it is published, and why one was closed
    lifecycle.py        raise, update, resolve, retract
    acknowledge.py      acknowledgement and snooze
Kept free for: laboratory.py (alerts from laboratory values)

Never here: a clock, a state that is kept, or an input that is changed.
"""
