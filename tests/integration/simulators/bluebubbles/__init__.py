"""The BlueBubbles simulator, called as any client would call the real server."""
