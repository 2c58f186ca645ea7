"""How the gateway serves, without processes."""
