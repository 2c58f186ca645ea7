"""How the gateway serves: HTTP on an event loop, quick requests on it, all others in threads."""
