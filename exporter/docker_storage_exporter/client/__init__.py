"""Asks an exporter that runs on this host."""
