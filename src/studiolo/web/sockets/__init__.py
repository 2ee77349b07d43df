"""The frame's WebSocket: many documents over one connection."""
