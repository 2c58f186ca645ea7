"""Sendblue: lines that the provider hosts."""
