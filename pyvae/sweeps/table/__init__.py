"""What came of a sweep: one table of all its shards, asked and shown. Nothing here needs torch."""
