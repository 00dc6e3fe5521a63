"""What released builds wrote, and their readers: never changed after the release.

rows_0_1.ndjson  rows of build 0.1, to be read
rows_0_2.ndjson  rows of build 0.2, to be read
reader_0_2.py    how build 0.2 reads a row; it imports nothing of the product. What later builds write, it must read

Written by `python -m tests.golden.record --frozen`, which refuses once the changelog has the release. Never here: a
file written or edited by hand.
"""
