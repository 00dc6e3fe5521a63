"""The command line: one file a command, loaded only when that command is called.

main.py       the list of commands; turns errors into one line and an exit code
output.py     NDJSON files that a command writes; replay_results.py: all that `replay` writes and prints

Services: worker.py, dispatch.py, board.py, history.py
Kafka: topics.py, simulate.py (simulate_sending.py sends its story), and kafka.py for a local cluster
Proof without or beside the services: replay.py, translate.py, verify.py, rebuild.py, demo.py
For one person at a time: ack.py, schemas.py

A command checks its options and what it depends on (extras, settings, preflight), then calls one function of another
package, which does the work.

Never here: work that another package could do; nothing imports agents.cli.
"""
