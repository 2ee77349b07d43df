"""The door of the official client: `POST /api/conat/hub` and `POST /api/conat/project`."""
