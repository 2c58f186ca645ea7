"""The sync service's rules, without I/O."""
