"""The demonstration: the whole system on this machine, with time running fast."""
