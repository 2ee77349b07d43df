"""How calls look at the doors of the official client (`hub`, `project`) and of API v2, one file a noun."""
