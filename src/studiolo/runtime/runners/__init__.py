"""Backends that start, poll and stop projects."""
