"""Live documents: rooms, their files on disk, their logs, and the running of notebook cells."""
