"""Pictures of a finished study, drawn from its saved results only."""
