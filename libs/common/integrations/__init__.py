"""What an integration is, what its credentials are, and when it is synced by itself: no I/O."""
