"""FHIR resources (R4, R4B, R5) as events of the contract.

source.py        files as a source of events
translate.py     one resource or bundle: its type decides who reads it
resources.py     the resources that are read; elements.py their data types
directory.py     patients and medications by the references to them
context.py       sender, version and statements of a resource
observations.py  Observation with components; observation_value.py one value
medication.py    MedicationAdministration; dosage.py doses and rates
movement.py      Patient and Encounter

Never here: a network, or a rule that HL7 shares.
"""
