"""What scores are made of, each in one file: estimates of information, probes, intervals. Scores share them. Of
those that take tensors `pyvae.metrics` has the names that users call.
"""
