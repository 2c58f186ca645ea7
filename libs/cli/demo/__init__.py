"""The demonstration: what it makes up, what it breaks, and how it checks from outside that nothing was lost."""
