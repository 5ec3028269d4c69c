"""Turns a snapshot into Prometheus metrics. `catalogue` is the one list of every family. Knows no engine."""
