"""Stand-ins for the outside world that speak its real wire protocols over real sockets, and keep their own counts."""
