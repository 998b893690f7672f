"""The page about a finished study, made from its folder only."""
