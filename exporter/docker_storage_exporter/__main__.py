"""`python -m docker_storage_exporter`."""

from docker_storage_exporter.cli import entry

entry()
