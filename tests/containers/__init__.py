"""The compose system on a real container engine, as `make containers` starts both (deploy/trial/run.sh).

compose_system.py   its commands, and what its pages, its database and its containers answer
checks.py           what holds while it runs; each check waits for it, and says what it saw instead
sabotages.py        eight faults of the compose system, each with the check that must notice it
test_compose_system.py, test_sabotages.py, test_kafka_in_docker.py

All tests have the marker `containers` and run with `--containers`. They never use somebody else's engine.
"""
