"""A snapshot for people and programs other than Prometheus: rows, table, CSV, JSON, textfile."""
