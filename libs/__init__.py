"""Libraries of Tuco Jobs."""
