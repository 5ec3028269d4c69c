"""The WSGI application: /metrics, the objects as JSON, health, readiness and a landing page; all else is 404."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from string import Template
from typing import Any

from docker_storage_exporter import __version__
from docker_storage_exporter.collector.pages import Pages, accepts
from docker_storage_exporter.layout import SUBJECTS
from docker_storage_exporter.listing.document import OBJECTS_PATH
from docker_storage_exporter.model.text import counted, printable
from docker_storage_exporter.store import Store

_Environ = dict[str, Any]
_StartResponse = Callable[[str, list[tuple[str, str]]], Any]
_Reply = tuple[str, list[tuple[str, str]], Iterable[bytes]]
_Application = Callable[[_Environ, _StartResponse], Iterable[bytes]]

_TEXT = "text/plain; charset=utf-8"
_NOT_READY = "not ready: nothing is listed yet\n"
_LANDING = Template("""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>docker-storage-exporter</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style></head>
<body>
<h1>docker-storage-exporter</h1>
<p>Version $version. $state</p>
<ul>
<li><a href="metrics">Metrics</a></li>
<li><a href="api/v1/objects">Objects</a>, as JSON</li>
<li><a href="-/healthy">Healthy</a></li>
<li><a href="-/ready">Ready</a></li>
</ul>
</body>
</html>
""")


def application(
    pages: Pages,
    store: Store,
    objects: Callable[[], bytes | None] = lambda: None,
    reload: Callable[[], str] | None = None,
    trouble: Callable[[], str] = str,
) -> _Application:
    """The application that serves these pages; `store` tells whether there is a snapshot yet.

    `objects` makes the document at OBJECTS_PATH, None as long as nothing is listed.

    `trouble` is a sentence for the landing page, empty while all is well.
    `reload` reads the settings again and returns what is wrong with them, if anything; None when that is not wanted.
    """
    routes: dict[str, Callable[[_Environ], _Reply]] = {
        "/": lambda _: _landing(store, trouble()),
        "/metrics": lambda environ: _metrics(pages, environ),
        OBJECTS_PATH: lambda _: _listing(objects()),
        "/-/healthy": lambda _: _answer("200 OK", "healthy\n"),
        "/-/ready": lambda _: _ready(store),
    }

    def serve(environ: _Environ, start_response: _StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/-/reload":
            status, headers, body = _reload(method, reload)
        else:
            status, headers, body = _read(method, routes.get(path), environ)
        start_response(status, headers)
        return [] if method == "HEAD" else body

    return serve


def _read(method: str, route: Callable[[_Environ], _Reply] | None, environ: _Environ) -> _Reply:
    if route is None:
        return _answer("404 Not Found", "not found; try /metrics\n")
    if method not in ("GET", "HEAD"):
        status, headers, body = _answer("405 Method Not Allowed", "only GET and HEAD\n")
        return status, [*headers, ("Allow", "GET, HEAD")], body
    return route(environ)


def _reload(method: str, reload: Callable[[], str] | None) -> _Reply:
    if method != "POST":
        status, headers, body = _answer("405 Method Not Allowed", "only POST\n")
        return status, [*headers, ("Allow", "POST")], body
    if reload is None:
        text = "reloading by POST is switched off: start with --web.enable-reload, or send SIGHUP\n"
        return _answer("403 Forbidden", text)
    trouble = reload()
    if trouble:
        return _answer("500 Internal Server Error", f"settings stay as they were: {printable(trouble)}\n")
    return _answer("200 OK", "settings were read again\n")


def _metrics(pages: Pages, environ: _Environ) -> _Reply:
    gzip = accepts(environ.get("HTTP_ACCEPT_ENCODING", ""), "gzip", "identity")
    page = pages.page(environ.get("HTTP_ACCEPT", ""), gzip=gzip)
    headers = [("Content-Type", page.content_type), ("Content-Length", str(page.length))]
    if page.encoding:
        headers.append(("Content-Encoding", page.encoding))
    return "200 OK", [*headers, ("Vary", "Accept, Accept-Encoding")], page.body


def _landing(store: Store, trouble: str) -> _Reply:
    state = f"{_state(store)} {trouble}".rstrip()
    text = _LANDING.substitute(version=html.escape(__version__), state=html.escape(state))
    return _answer("200 OK", text, "text/html; charset=UTF-8")


def _listing(body: bytes | None) -> _Reply:
    if body is None:
        return _answer("503 Service Unavailable", _NOT_READY)
    return "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], [body]


def _ready(store: Store) -> _Reply:
    if store.latest is None:
        return _answer("503 Service Unavailable", _NOT_READY)
    return _answer("200 OK", "ready\n")


def _answer(status: str, text: str, content_type: str = _TEXT) -> _Reply:
    body = text.encode()
    return status, [("Content-Type", content_type), ("Content-Length", str(len(body)))], [body]


def _state(store: Store) -> str:
    snapshot = store.latest
    if snapshot is None:
        return "Nothing is listed yet."
    pending = sum(snapshot.pending.values())
    counts = ", ".join(
        counted(len(snapshot.of(subject.kind)), subject.noun, subject.plural)
        for subject in SUBJECTS
        if subject.owned_by is None
    )
    return f"Shows {counts}; {counted(pending, 'object is', 'objects are')} still to be measured."
