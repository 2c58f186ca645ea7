"""Grafana boards, written by a program."""
