"""Sweeps: many runs of one study, packed into stacks, on several workers, in a folder from which nothing is lost."""
