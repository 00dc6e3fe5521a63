"""Delivery: paging as stories, the shell around it, and every kind of receiver."""
