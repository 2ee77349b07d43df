"""The ordinary pages: sign-in, API keys, projects, file lists, errors; HTML from the server and plain forms."""
