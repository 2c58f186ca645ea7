"""Our own programs with one safeguard taken out, to show that a fault run notices."""
