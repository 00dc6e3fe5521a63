"""Pagers: one module for each kind of receiver. A pager sends a page once and returns whether to try again.

- kinds: `acm.py`, `alertmanager.py`, `console.py`, `notify.py` (apprise), `pagerduty.py`, `webhook.py`; each has its
  own config class and registers itself
- shared: `protocol.py` (what a pager offers), `destination_config.py` (settings of all kinds), `http.py`, `registry.py`

Never here: an import of dispatch above the values page, public alert and types of settings; or a retry, which is the
queue's task.
"""
