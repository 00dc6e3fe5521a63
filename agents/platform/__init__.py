"""What every process needs: settings, errors, signals, logs, health. Nothing here imports other packages of agents.

In the order in which a process meets them:
errors.py              an error that the user can fix: one line, exit code 2
extras.py              optional dependencies, and the install command when one is missing
kafka_connection.py    the settings that reach the brokers, for three client libraries
settings.py            all settings: options, environment, TOML file
guideline_option.py    the guideline that the setting `profile` names, or what is wrong with it
logging_setup.py       one line format, quiet libraries
signals.py             run until SIGINT or SIGTERM
health.py              /metrics, /healthz, /readyz
fail_stop.py           ends the process rather than do harm: fence and watchdog
child_processes.py     child processes that end with their parent
json_types.py          the type of a decoded JSON object

Never here: patient data, a Kafka client, or an import of another package of agents.
"""
