"""The study's figures, drawn from the files of a finished study only."""
