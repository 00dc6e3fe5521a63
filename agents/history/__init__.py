"""What became of every patient, in a database: state changes, episodes, doses, sampled vitals, alerts."""
