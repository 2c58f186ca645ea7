"""The services of Tuco Jobs; each starts with ``python -m services.NAME``."""
