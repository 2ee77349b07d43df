"""API v2: `POST /api/v2/<path>`, thin forms over what the other doors do."""
