"""The ward board: an authenticated web page with the patients, their open alerts and what is due.

    process.py      runs all of this; config.py its settings, metrics.py its metrics, launch.py starts one as a child
    consumer.py     states, alerts and heartbeats from Kafka → ward.py (patients in memory), liveness.py (still judged?)
    broadcast.py    each changed patient as JSON, to every open page:
                    patient_card.py, dose_card.py; ordered by sorting.py, named by pseudonyms.py
    server.py       serves page and stream to sessions that auth.py accepts
    acknowledge.py  writes what people click to the assessments topic

The page itself is the HTML, CSS and JavaScript in this folder.

Never here: a judgement, or anything kept: after a start all is read from Kafka again.
"""
