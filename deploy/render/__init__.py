"""Turns the table of workloads into manifests: plain functions from rows to documents, without I/O."""
