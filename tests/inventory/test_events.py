"""The event stream as a hint."""

import json
import queue
import time

import pytest

from docker_storage_exporter.inventory import client
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.engine import Change
from docker_storage_exporter.inventory.events import EventListener
from docker_storage_exporter.settings import from_texts


@pytest.fixture
def listener(engine):
    """A listener on the fake engine and what it has heard."""
    heard = queue.Queue()
    settings = from_texts({"docker_host": engine.host}, {})
    made = EventListener(EngineClient(settings), heard.put)
    made.heard = heard
    yield made
    made.stop()


def stream(*events):
    return b"".join(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n" for event in events)


def chunked(handler, engine, *events):
    """Answer as an engine does: a chunk for each event, and then silence."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for event in events:
        text = stream(event)
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
    handler.wfile.flush()
    engine.ended.wait(30)


def test_what_happened_before_it_listens_is_not_missed(engine, listener):
    engine.routes["/events"] = stream()
    listener.start()

    assert [listener.heard.get(timeout=10) for _ in range(2)] == [
        Change(),
        Change(),
    ]  # once for each time that it connects


@pytest.mark.parametrize("action", ["start", "rename", "update"])
def test_a_container_that_changed_is_named(engine, listener, action):
    engine.routes["/events"] = stream({"Type": "container", "Action": action, "Actor": {"ID": "abc"}})
    listener.start()

    assert [listener.heard.get(timeout=10) for _ in range(2)] == [Change(), Change(inspect="abc")]


@pytest.mark.parametrize("kind", ["volume", "container"])
def test_what_was_destroyed_is_named(engine, listener, kind):
    engine.routes["/events"] = stream({"Type": kind, "Action": "destroy", "Actor": {"ID": "abc"}})
    listener.start()

    assert [listener.heard.get(timeout=10) for _ in range(2)] == [Change(), Change(destroyed=(kind, "abc"))]


@pytest.mark.parametrize(
    "event",
    [
        {"Type": "container", "Action": "die", "Actor": {"ID": "abc"}},
        {"Type": "volume", "Action": "create", "Actor": {"ID": "v"}},
        {"Type": "volume", "Action": "prune", "Actor": None},
        {"Type": "network", "Action": "destroy", "Actor": {"ID": "n"}},
        {"Type": "container", "Action": "start", "Actor": {"ID": 7}},
        {"surprise": True},
    ],
)
def test_anything_else_only_says_that_the_lists_changed(engine, listener, event):
    engine.routes["/events"] = stream(event)
    listener.start()

    assert [listener.heard.get(timeout=10) for _ in range(2)] == [Change(), Change()]


def test_it_asks_for_the_events_it_needs_and_not_for_the_noisy_ones(engine, listener):
    engine.routes["/events"] = stream({"Type": "volume", "Action": "create"})
    listener.start()
    listener.heard.get(timeout=10)

    query = next(query for _, path, query in engine.requests if path.endswith("/events"))
    assert "exec" not in query
    assert "destroy" in query


def test_it_comes_back_after_the_stream_ended_or_was_garbage(engine, listener):
    engine.routes["/events"] = b"garbage\n"
    listener.start()
    assert listener.heard.get(timeout=10) == Change()
    engine.routes["/events"] = stream({"Type": "container", "Action": "start", "Actor": {"ID": "later"}})

    assert [listener.heard.get(timeout=10) for _ in range(4)] == [Change(), Change(inspect="later")] * 2


def test_stopping_does_not_wait_for_a_silent_stream(engine, listener):
    import threading  # noqa: PLC0415

    hold = threading.Event()
    engine.routes["/events"] = lambda handler: (
        handler.send_response(200),
        handler.end_headers(),
        handler.wfile.flush(),
        hold.wait(30),
    )
    listener.start()
    while listener._stream is None:
        pass

    listener.stop()
    hold.set()

    assert not listener._thread.is_alive()


def test_silence_is_no_trouble_and_it_listens_on_at_once(engine, monkeypatch, caplog):
    monkeypatch.setattr(client, "_EVENT_SILENCE_SECONDS", 0.2)
    heard = queue.Queue()
    listener = EventListener(EngineClient(from_texts({"docker_host": engine.host})), heard.put)
    engine.routes["/events"] = lambda handler: chunked(handler, engine)
    listener.start()
    try:
        began = time.monotonic()
        for _ in range(6):
            heard.get(timeout=10)
        assert time.monotonic() - began < 10  # with growing pauses it would be more than thirty
        assert listener._thread.is_alive()
    finally:
        listener.stop()
    assert "Traceback" not in caplog.text


def test_it_tells_whether_events_are_heard_and_when_the_last_one_came(engine, listener):
    assert (listener.heard_now, listener.last) == (False, 0.0)
    before = time.time()
    event = {"Type": "volume", "Action": "create"}
    engine.routes["/events"] = lambda handler: chunked(handler, engine, event)
    listener.start()
    for _ in range(2):
        listener.heard.get(timeout=10)

    assert listener.heard_now
    assert before <= listener.last <= time.time()


def test_a_defect_does_not_end_the_hearing_of_events(engine, caplog):
    calls = queue.Queue()

    def fail(change):
        calls.put(change)
        raise ZeroDivisionError

    listener = EventListener(EngineClient(from_texts({"docker_host": engine.host})), fail)
    engine.routes["/events"] = stream()
    listener.start()
    try:
        for _ in range(2):
            calls.get(timeout=10)
    finally:
        listener.stop()
    assert "this is a defect" in caplog.text


@pytest.mark.parametrize("size", [10, 100_000])
def test_an_event_that_never_ends_is_given_up_and_the_next_stream_is_heard(engine, listener, size):
    """Whether it comes in small pieces or in large ones."""

    def without_end(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        sent = 0
        try:
            while sent < enough:
                handler.wfile.write(b"%x\r\n%s\r\n" % (size * 100, b"x" * size * 100))
                sent += size * 100
        except OSError:
            pass
        given_up.append(sent)

    given_up, enough = [], 64 * client._LARGEST_EVENT
    engine.routes["/events"] = without_end
    listener.start()
    assert listener.heard.get(timeout=10) == Change()
    while not given_up:
        time.sleep(0.01)
    assert given_up[0] < enough  # it hung up long before
    engine.routes["/events"] = stream({"Type": "container", "Action": "start", "Actor": {"ID": "later"}})

    while listener.heard.get(timeout=10) != Change(inspect="later"):
        pass


def test_an_event_in_several_pieces_and_several_in_one_are_heard(engine, listener):
    def pieces(handler):
        text = stream({"Type": "container", "Action": "start", "Actor": {"ID": "a"}}, {"Type": "x"})
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (text[:10], text[10:-5], text[-5:]):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.flush()
            time.sleep(0.05)
        engine.ended.wait(30)

    engine.routes["/events"] = pieces
    listener.start()

    assert [listener.heard.get(timeout=10) for _ in range(3)] == [Change(), Change(inspect="a"), Change()]
