"""Delivery of alerts to people: who is told what, when again, and what was confirmed."""
