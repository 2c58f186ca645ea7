"""The Sendblue simulator, called as any client would call the real service."""
