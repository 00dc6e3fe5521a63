"""Was anything lost, made up or falsified? The log is replayed offline and held against what the live system wrote."""
