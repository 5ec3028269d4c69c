"""Grafana dashboards and Prometheus rules, generated from the exporter's catalogue of metrics.

`python -m dashboards` writes `json/` and `rules/`; both are committed, and a test finds them when they are stale.
"""
