"""The server and the page that the tests of httpd have."""

from httpd.conftest import app, certificates, pages, secure, snapshot, start, store, web_config

__all__ = ["app", "certificates", "pages", "secure", "snapshot", "start", "store", "web_config"]
