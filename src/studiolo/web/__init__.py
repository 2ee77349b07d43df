"""The doors: API v1, pages, the frame, the socket; each a thin shape over the domain."""
