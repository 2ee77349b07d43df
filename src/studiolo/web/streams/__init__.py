"""Doors whose bodies are streams: downloads, archives, uploads, the output of jobs."""
