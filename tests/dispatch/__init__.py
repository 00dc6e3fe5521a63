"""Tests of dispatch: paging as stories and part by part, the process on a real Kafka, and every kind of pager."""
