"""Commands as users run them: real processes, small fake engines at real sockets, a made-up data root."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest
from fake_engine import FakeEngine
from prometheus_client.parser import text_string_to_metric_families as parse

from docker_storage_exporter.demo.data_root import Demo

# docker-py leaves the socket of a refused connection to the garbage collector, see pyproject.toml.
COMMAND = (sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-m", "docker_storage_exporter")
INTERRUPTIBLE = ("env", "--default-signal=INT")  # whoever runs the tests may run them with Ctrl-C switched off


@pytest.fixture
def run(tmp_path):
    """Run a command to its end, without an engine unless it is told of one; `before` is what starts it."""

    def run(*arguments, before=(), environment=None, stdout=subprocess.PIPE, **options):
        # A port of its own for serve, and none for df to ask: the default one may be in use on this machine.
        usual = {"DSE_WEB_LISTEN_ADDRESS": "127.0.0.1:0", "PYTHONUNBUFFERED": ""}
        usual["DOCKER_HOST"] = f"unix://{tmp_path}/no-engine.sock"
        env = {**os.environ, **usual, **(environment or {})}
        command = [*before, *COMMAND, *arguments]
        return subprocess.run(
            command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False, env=env, **options
        )

    return run


@pytest.fixture
def fails(run):
    """Run a command that has to fail with a code and one line; the line."""

    def fails(code, *arguments, **options):
        done = run(*arguments, **options)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert done.stderr.startswith("docker-storage-exporter: ")
        assert done.stderr.count("\n") == 1
        assert done.stderr.endswith("\n")
        return done.stderr.removeprefix("docker-storage-exporter: ").rstrip()

    return fails


class Terminal:
    """A command with its stdin, stdout and stderr on a terminal of its own, which Ctrl-C reaches as from a keyboard."""

    def __init__(self, arguments, size, environment):
        usual = {"TERM": "xterm-256color", "PATH": os.environ["PATH"]}
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execvpe(arguments[0], arguments, {**usual, **environment})
            finally:
                os._exit(127)
        self._code = None
        self.text = ""

    def until(self, wanted, after=0):
        """Read until a text was shown, beyond the first so many characters."""
        ends = time.monotonic() + 40
        while wanted not in self.text[after:]:
            assert self._read(), self.text
            assert time.monotonic() < ends, self.text

    def type(self, text):
        """Press keys."""
        os.write(self._terminal, text.encode())

    def resize(self, lines, columns):
        """Another size; the kernel tells the command."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end(self):
        """Read to the end; the exit code."""
        while self._code is None and self._read():
            pass
        return self.close()

    def close(self):
        """End it if it still runs; the exit code."""
        if self._code is None:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and self._hangs():
                os.kill(self.pid, signal.SIGKILL)
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._terminal)
        return self._code

    def _hangs(self):
        ends = time.monotonic() + 20
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > ends:
                return True
            time.sleep(0.01)
        return False

    def _read(self):
        if not select.select([self._terminal], [], [], 30)[0]:
            return False
        try:
            part = os.read(self._terminal, 65536)
        except OSError:  # the other side was closed
            return False
        self.text += part.decode()
        return bool(part)


@pytest.fixture
def terminal(tmp_path):
    """Start a command on a terminal, without an engine unless it is told of one; it ends with the test."""
    started = []

    def start(*arguments, size=(24, 120), environment=(), docker=True, command=COMMAND):
        env = {} if docker else {"DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock"}
        started.append(Terminal([*command, *arguments], size, {**env, **dict(environment)}))
        return started[-1]

    yield start
    for shown in started:
        if shown._code is None:
            os.kill(shown.pid, signal.SIGKILL)
            shown.close()


class Serving:
    """A command that serves, with what it said on stderr so far."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.url = ""
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._listening.wait(60)

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if match := re.fullmatch(r"listening on (https?://\S+)\n", line):
                self.url = match[1]
                self._listening.set()
        self._listening.set()

    def get(self, path="/metrics"):
        """The text at a path."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read().decode()

    def series(self, name):
        """The samples of a family: label values joined to value."""
        for family in parse(self.get()):
            if family.name == name:
                return {" ".join(sample.labels.values()): sample.value for sample in family.samples}
        return {}

    def until(self, name, wanted):
        """Ask again until the samples of a family are as wanted; those samples."""
        ends = time.monotonic() + 40
        while not wanted(found := self.series(name)):
            assert time.monotonic() < ends, found
            time.sleep(0.1)
        return found

    def end(self, number=signal.SIGTERM):
        """Send a signal and wait; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self._reader.join()
            self.process.stderr.close()


@contextmanager
def servers(folder):
    """A function that starts a command which serves on a free port; all of them end with the block."""
    with ExitStack() as running:

        def serve(*arguments, command=("serve",), environment=None, before=()):
            env = {**os.environ, "DOCKER_HOST": f"unix://{folder}/no-engine.sock", **(environment or {})}
            quick = ("--web.listen-address=127.0.0.1:0", "--publish.interval=200ms")
            given = [*before, *COMMAND, *command, *quick, *arguments]
            process = subprocess.Popen(given, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
            serving = Serving(process)
            running.callback(serving.end)
            assert serving.url, serving.lines
            return serving

        yield serve


@pytest.fixture
def serve(tmp_path):
    """Start a command that serves; it ends with the test."""
    with servers(tmp_path) as serve:
        yield serve


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A made-up data root, for reading only."""
    made = Demo(str(tmp_path_factory.mktemp("demo")))
    made.build()
    subprocess.run(["sync", "-f", made.data_root], check=True)  # ext4 allocates blocks late
    return made


@pytest.fixture
def data_root(demo):
    """The flag that names the made-up data root."""
    return f"--path.data-root={demo.data_root}"


@pytest.fixture
def nothing_there(tmp_path):
    """The flag for a host on which there is no data root at the usual place."""
    (tmp_path / "rootfs").mkdir()
    return f"--path.rootfs={tmp_path}/rootfs"


CONTAINER, VOLUME = "f" * 64, "elsewhere"
INFO = {"ID": "another", "ServerVersion": "27.0.0", "Driver": "overlay2", "DockerRootDir": "/var/lib/docker"}
INSPECTED = {
    "Id": CONTAINER,
    "Name": "/far-away",
    "Created": "2025-01-01T00:00:00.5Z",
    "Driver": "overlay2",
    "Image": "sha256:1",
    "Config": {"Image": "busybox", "Labels": {}},
    "State": {"Running": True, "Pid": 1},
    "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}},
    "Mounts": [{"Type": "volume", "Name": VOLUME, "Destination": "/data", "Driver": "local", "RW": True}],
}
GOOD = {
    "/version": {"ApiVersion": "1.46", "MinAPIVersion": "1.24", "Version": "27.0.0"},
    "/info": INFO,
    "/volumes": {"Volumes": [{"Name": VOLUME, "Driver": "local", "Scope": "local", "Mountpoint": "", "Labels": None}]},
    "/containers/json": [{"Id": CONTAINER, "Names": ["/far-away"], "State": "running"}],
    f"/containers/{CONTAINER}/json": INSPECTED,
}


@pytest.fixture
def engine(tmp_path):
    """Start a fake engine at a unix socket, or at a port of 127.0.0.1; what to give as its address."""
    running = []

    def start(answers, *, tcp=False):
        running.append(FakeEngine(None if tcp else tmp_path / "engine.sock", answers))
        if not tcp:
            running[-1].path.chmod(0o600)  # only its owner may ask
        return running[-1].host

    yield start
    for one in running:
        one.close()


@pytest.fixture
def kept_waiting(engine, data_root):
    """A `serve` whose engine took its first question and says nothing."""
    waits = ["serve", data_root, f"--docker.host={engine(None)}", "--docker.timeout=60s"]
    command = [*COMMAND, *waits, "--web.listen-address=127.0.0.1:0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    ends = time.monotonic() + 40
    while not _connected(process.pid):
        assert time.monotonic() < ends
        time.sleep(0.02)
    yield process
    process.kill()
    process.communicate()


def _connected(pid):
    """Whether a process has a connected unix socket by now."""
    try:
        sockets = {os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return False
    with open("/proc/net/unix") as lines:
        return any(f"socket:[{line.split()[6]}]" in sockets and line.split()[5] == "03" for line in lines)
