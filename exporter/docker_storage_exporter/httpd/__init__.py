"""A threaded WSGI server that a slow client cannot block, with TLS, passwords and exporter-toolkit's file.

It knows nothing of storage.
"""

PRODUCT = "docker-storage-exporter"
"""What the server calls itself, in the header `Server` and where it asks for a password."""
