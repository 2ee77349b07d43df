"""Kernels: which there are, starting them from a template, speaking their protocol."""
