"""The plumbing around the judgement, by layers: what is above may import what is below, never the other way.

    cli/                  one file a command
    demo/                 the whole system on this machine, for a first look
    board/  report/       pages for people: the live ward; a replay as one HTML file
    replay/               recorded events through the judgement, without a broker
    stream/  verify/  dispatch/  history/  simulation/    the processes, one folder each
    feeds/                formats of feeds, translated to events
    engine/               one partition of the log in memory, without I/O; worker, verify, rebuild, replay share it
    brokers/              topics, preflight, brokers for tests and trials
    platform/             settings, errors, signals, fail stop: what every process needs

A reading: stream/intake → the log → stream/watch → engine/partition → monitor/step → topics alerts and patient-state →
dispatch (pagers), board, history. verify replays the same log and demands equality.
Kept free for: identity/ (who may see and act), audit/ (who did)

Never here: a clinical decision. Who decides about a patient is monitor.
"""
