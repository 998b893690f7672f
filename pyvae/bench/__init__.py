"""Benchmarks of the ops beside what people use instead: same inputs, same threads, interleaved in one run."""
