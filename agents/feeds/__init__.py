"""Reads recorded events in the formats in which they are kept, and gives them as records of the contract.

source: what a replay reads from (`EventSource`, `SourceRecord`). One file or folder for each format: `ndjson` (events
of the contract, one a line), `clif` (parquet). registry: the formats by name. units: conversion of doses and rates.
No event is judged here, and an implausible value is passed on: schemas/decode.py refuses it.
"""
