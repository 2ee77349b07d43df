"""The supervisor of `studiolo serve`: the one privileged process; it never parses network input."""
