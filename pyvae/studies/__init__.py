"""Studies: a frozen config, then train, evaluate, and figures from saved results only."""
