"""A threaded WSGI server that a slow client cannot block, with TLS, passwords and exporter-toolkit's file.

It knows nothing of storage.
"""
