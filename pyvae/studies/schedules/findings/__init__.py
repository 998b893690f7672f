"""What a schedules study found, in words: one file a question, every sentence computed from its results."""
