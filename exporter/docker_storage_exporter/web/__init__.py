"""The page over HTTP: a WSGI application and a threaded server that a slow client cannot block."""

from docker_storage_exporter.web.api import ObjectsDocument
from docker_storage_exporter.web.app import OBJECTS_PATH, application
from docker_storage_exporter.web.server import Server

__all__ = ["OBJECTS_PATH", "ObjectsDocument", "Server", "application"]
