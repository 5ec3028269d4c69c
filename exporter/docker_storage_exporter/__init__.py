"""docker-storage-exporter: explains every byte that Docker keeps on a host."""

__version__ = "0.1.0"
