"""What the official client and API v2 can call: the same functions behind two doors."""
