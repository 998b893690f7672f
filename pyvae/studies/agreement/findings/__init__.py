"""What a study found, in words: each answer computed from its results."""
