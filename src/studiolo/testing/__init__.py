"""Test kit: a moving clock, fakes named by behaviour, factories, a live server."""
