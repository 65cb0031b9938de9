"""The recorder of the venues' WebSocket streams: connections, segments on disk, and its state."""
