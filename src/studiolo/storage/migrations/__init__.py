"""The schema's history: one change a revision, forward only."""
