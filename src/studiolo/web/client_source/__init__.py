"""The source of `studiolo.client`, written from the registry of calls and the tree of errors."""
