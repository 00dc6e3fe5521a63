"""The ward board: an authenticated web page with the patients, their open alerts and what is due.

`consumer` reads states, alerts and heartbeats from Kafka into `ward` (patients in memory) and `liveness` (is anything
still being judged?). `broadcast` turns each changed patient into JSON (`patient_card` with `dose_card`, ordered by
`sorting`, named by `pseudonyms`) and sends it to the open pages. `server` serves the page and the stream to sessions
that `auth` accepts. `acknowledge` writes what people click to the assessments topic. `process` runs all of it, `config`
holds its settings, `metrics` its metrics, `launch` starts a board as a child process. The page itself is the HTML, CSS
and JavaScript in this folder.

The board never judges a patient and keeps nothing: after a start it reads everything from Kafka again.
"""
