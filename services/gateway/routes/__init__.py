"""The routes: each reads a request, calls one thing, and writes the answer."""
