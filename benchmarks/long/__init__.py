"""Long proofs: searches and runs that take longer than a build has. Each writes its result to benchmarks/results/.

result.py    what a proof writes, and when a result is good
oracle.py    engine against oracle: seeded wards and all real stays, by every profile
fuzz.py      any bytes decoded, any record judged: many examples
mutation.py  mistakes planted in the judgement
faults.py    processes killed and paused, guards removed
soak.py      hours of load on real processes without faults

`make long-oracle`, and so on. A test holds every result against what was asked (tests/test_long_results.py).
"""
