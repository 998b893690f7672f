"""What scores are made of, each in one file: estimates of information, probes, intervals. Scores share them; users do
not call them.
"""
