"""Application: what each path answers, checked against the rules of WSGI on the way."""

import gzip
import re
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from docker_storage_exporter import __version__
from docker_storage_exporter.web.app import application

HTML = "text/html; charset=UTF-8"
TEXT = "text/plain; charset=utf-8"


def ask(app, path, method="GET", **headers):
    """Status, headers and body of an answer."""
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    environ.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
    answer = {}

    def start_response(status, headers, exc_info=None):
        answer.update(status=status, headers=dict(headers))
        return lambda _: None

    body = validator(app)(environ, start_response)
    try:
        return answer["status"], answer["headers"], b"".join(body)
    finally:
        body.close()


def test_metrics_are_text_of_the_length_that_is_said(app, pages, snapshot):
    pages.render(snapshot)

    status, headers, body = ask(app, "/metrics")

    assert status == "200 OK"
    assert headers == {
        "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
        "Content-Length": str(len(body)),
        "Vary": "Accept, Accept-Encoding",
    }
    assert b'docker_volume_containers{volume="a"} 0\n' in body
    assert b"live 3.0\n" in body


def test_metrics_are_openmetrics_and_gzip_for_whom_wants_them(app, pages, snapshot):
    pages.render(snapshot)

    _, headers, body = ask(app, "/metrics", accept="application/openmetrics-text", accept_encoding="gzip")

    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(body))
    assert gzip.decompress(body).endswith(b"# EOF\n")


def test_the_exporter_is_healthy_whatever_it_found(app):
    assert ask(app, "/-/healthy")[0::2] == ("200 OK", b"healthy\n")


def test_the_exporter_is_ready_from_the_first_snapshot_on(app, store, snapshot):
    assert ask(app, "/-/ready")[0::2] == ("503 Service Unavailable", b"not ready: nothing is listed yet\n")

    store.publish(snapshot)

    assert ask(app, "/-/ready")[0::2] == ("200 OK", b"ready\n")


def test_the_landing_page_names_the_version_and_what_is_shown(app, store, snapshot):
    _, headers, before = ask(app, "/")
    store.publish(snapshot)
    _, _, after = ask(app, "/")

    assert headers["Content-Type"] == HTML
    assert f"Version {__version__}." in before.decode()
    assert "Nothing is listed yet." in before.decode()
    assert (
        "Shows 2 volumes, 0 writable layers, 0 bind mounts, 0 images; 1 object is still to be measured."
        in after.decode()
    )


def test_every_link_of_the_landing_page_leads_somewhere_also_behind_a_prefix(pages, store, snapshot):
    app = application(pages, store, lambda: b"{}")
    store.publish(snapshot)
    links = re.findall(rb'href="([^"]+)"', ask(app, "/")[2])

    assert len(links) == 4
    for link in links:
        assert not link.startswith(b"/")
        assert ask(app, "/" + link.decode())[0] == "200 OK"


@pytest.mark.parametrize("path", ["/metric", "/metrics/", "/-/", "/favicon.ico", "/../etc/passwd", "/\xff\x00"])
def test_any_other_path_is_not_found(app, path):
    status, headers, body = ask(app, path)

    assert (status, headers["Content-Type"], body) == ("404 Not Found", TEXT, b"not found; try /metrics\n")


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_get_and_head_are_answered(app, path, method):
    status, headers, body = ask(app, path, method)

    assert (status, headers["Allow"], body) == ("405 Method Not Allowed", "GET, HEAD", b"only GET and HEAD\n")


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/nowhere"])
def test_head_says_what_get_would_without_a_body(app, path):
    status, headers, body = ask(app, path)

    assert ask(app, path, "HEAD") == (status, headers, b"")
    assert headers["Content-Length"] == str(len(body))


@pytest.fixture
def reloading(pages, store):
    """An application that may be told to reload, the calls, and what is wrong with the settings."""
    calls, trouble = [], [""]

    def reload():
        calls.append(1)
        return trouble[0]

    return application(pages, store, reload=reload), calls, trouble


def test_a_post_reloads(reloading):
    app, calls, _ = reloading

    assert ask(app, "/-/reload", "POST")[0::2] == ("200 OK", b"settings were read again\n")
    assert calls == [1]


def test_settings_that_are_bad_are_told_to_whoever_posts(reloading):
    app, _, trouble = reloading
    trouble[0] = "c.yaml:1: scan.duty: '\udcff' is bad"

    status, _, body = ask(app, "/-/reload", "POST")

    assert status == "500 Internal Server Error"
    assert body == rb"settings stay as they were: c.yaml:1: scan.duty: '\xff' is bad" + b"\n"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_a_post_reloads(reloading, method):
    app, calls, _ = reloading

    status, headers, body = ask(app, "/-/reload", method)

    assert (status, headers["Allow"], body) == ("405 Method Not Allowed", "POST", b"only POST\n")
    assert calls == []


def test_a_post_says_how_to_reload_where_it_may_not(app):
    status, _, body = ask(app, "/-/reload", "POST")

    assert status == "403 Forbidden"
    assert body == b"reloading by POST is switched off: start with --web.enable-reload, or send SIGHUP\n"


def test_the_landing_page_says_that_nothing_is_measured_any_more(pages, store, snapshot):
    store.publish(snapshot)
    trouble = "Nothing was measured so far: is a disk <dead>?"

    _, _, body = ask(application(pages, store, trouble=lambda: trouble), "/")

    assert "Nothing was measured so far: is a disk &lt;dead&gt;?" in body.decode()
    assert "Nothing was measured" not in ask(application(pages, store), "/")[2].decode()
