"""Pagers: one module for each kind of receiver. A pager sends a page once and returns whether to try again.

A pager knows a page and its own settings (`destination_config.py`), registers itself by kind (`registry.py`), and
offers `protocol.Pager`. `http.py` is shared by the web pagers. Pagers import nothing of dispatch but the values below
them: page, public alert and types of settings.
"""
