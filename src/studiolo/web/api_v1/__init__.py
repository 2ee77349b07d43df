"""API v1: each call is an entry in the registry; one dispatcher runs them all."""
