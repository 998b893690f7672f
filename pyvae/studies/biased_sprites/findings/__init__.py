"""What a study found, in words: every sentence is computed from its results, and says so when they do not decide."""
