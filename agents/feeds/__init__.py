"""Formats of recorded and live feeds: what is read is given as records of the contract.

    source.py    what a replay reads from (EventSource, SourceRecord)
    registry.py  the formats by name; merged.py plays several sources by one clock
    ndjson.py    events of the contract, one a line
    clif/        ICU data sets in CLIF format (parquet)
    hl7/  fhir/  HL7 v2 messages; FHIR resources
    translation/ what both of these share: tables, times, memory, delivery
    units.py     conversion of doses and rates
Kept free for: listen/ (the feed process)

A message goes: reader of its format → drafts → translation/delivery.py → events, dead letters, counts.

Never here: a judgement; an implausible value is passed on, and schemas.decode refuses it.
"""
