"""Formats of recorded and live feeds: what is read is given as records of the contract.

    source.py    what a replay reads from (EventSource, SourceRecord)
    registry.py  the formats by name
    ndjson.py    events of the contract, one a line
    clif/        ICU data sets in CLIF format (parquet)
    units.py     conversion of doses and rates
Kept free for: hl7/, fhir/, listen/ (the feed process)

Never here: a judgement; an implausible value is passed on, and schemas.decode refuses it.
"""
