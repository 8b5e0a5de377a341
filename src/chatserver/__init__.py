"""The edge: chatcore on HTTP and WebSocket."""
