"""Studiolo: live, isolated notebook projects for other web applications."""

__version__ = "0.1.0"
