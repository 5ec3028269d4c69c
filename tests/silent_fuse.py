"""A FUSE filesystem of the tests' own that answers, until it does not: what a dead server looks like to whoever waits.

The server speaks the kernel's protocol (linux/uapi: fuse.h) in a process of its own, this file as a script, so that no
process that waits for it can be the one that has to answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path

_HEADER = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
_ANSWER = struct.Struct("<IiQ")  # length, error, unique
_ATTRIBUTES = struct.Struct("<6Q10I")
_ENTRY = struct.Struct("<4Q2I")
_VALID = struct.Struct("<Q2I")
_OPENED = struct.Struct("<Q2I")
_READ = struct.Struct("<QQI")
_DIRENT = struct.Struct("<QQII")
_STATFS = struct.Struct("<5Q4I24x")
_INIT = struct.Struct("<4I2H2I2H8I")
_LONGEST_REQUEST = 1 << 20
_ROOT = 1
_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ_FILE, _STATFS_OF, _RELEASE = 1, 2, 3, 14, 15, 17, 18
_FLUSH, _START, _OPENDIR, _READDIR, _RELEASEDIR, _ACCESS, _INTERRUPT, _DESTROY, _FORGET_MANY = (
    25, 26, 27, 28, 29, 34, 36, 38, 42,
)  # fmt: skip
_UNANSWERED = frozenset({_FORGET, _FORGET_MANY, _INTERRUPT})
_FORCE, _DETACH = 1, 2
_NO_SUID, _NO_DEV = 2, 4
_libc = ctypes.CDLL(None, use_errno=True)


class SilentFuse:
    """Files of given sizes below a mount point, as paths relative to it. Unmounted at the end, whatever state it is in.

    The filesystem's type is one that the exporter takes for a local one; with a block device it is one on that.
    """

    def __init__(self, mountpoint, files=None, block_device=None, filesystem="fuse.fuse-overlayfs"):
        self.mountpoint = str(mountpoint)
        self._files = {"file": 10_000, "folder/inside": 20_000} if files is None else files
        self._source = block_device or "silent"
        self._filesystem = "fuseblk" if block_device else filesystem

    def __enter__(self):
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        data = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
        names = [os.fsencode(name) for name in (self._source, self.mountpoint, self._filesystem)]
        if _libc.mount(*names, _NO_SUID | _NO_DEV, data.encode()) < 0:
            number = ctypes.get_errno()
            os.close(device)
            raise OSError(number, os.strerror(number), self.mountpoint)
        self._control, theirs = socket.socketpair()
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(device), str(theirs.fileno()), json.dumps(self._files)],
            pass_fds=(device, theirs.fileno()),
        )
        os.close(device)
        theirs.close()
        self._tell("answer")
        return self

    def __exit__(self, *_):
        self.kill()
        self._control.close()
        _libc.umount2(os.fsencode(self.mountpoint), _FORCE | _DETACH)

    def stop_reading(self):
        """From now on requests stay where they are: who waits for one can be killed."""
        self._tell("deaf")

    def swallow(self):
        """From now on requests are read and never answered: who waits for one is in D, and outlives SIGKILL."""
        self._tell("swallow")

    def answer(self):
        """Answer everything that waits, and go on answering."""
        self._tell("answer")

    def kill(self):
        """End the server: whoever asks is told that nothing is connected."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGKILL)
        self._server.wait()

    def swallowed(self):
        """How many requests were read and wait for their answer."""
        return int(self._tell("swallowed"))

    def _tell(self, word):
        self._control.send(word.encode())
        return self._control.recv(100).decode()


class _Server:
    """Answers the kernel, as long as it is told to."""

    def __init__(self, device, control, files):
        self._device = device
        self._control = control
        self._nodes = [None, ("", None)]  # by node id: path, and size of a file
        self._ids = {"": _ROOT}
        for path, size in files.items():
            self._add(path, size)
        self._mode = "answer"
        self._swallowed = []

    def _add(self, path, size):
        parent = path.rpartition("/")[0]
        if parent not in self._ids:
            self._add(parent, None)
        self._ids[path] = len(self._nodes)
        self._nodes.append((path, size))

    def serve(self):
        while True:
            wanted = [self._control] if self._mode == "deaf" else [self._control, self._device]
            ready = select.select(wanted, [], [])[0]
            if self._control in ready and not self._obey():
                return
            if self._device in ready and self._mode != "deaf":
                try:
                    request = os.read(self._device, _LONGEST_REQUEST)
                except OSError as error:
                    if error.errno == errno.ENODEV:  # unmounted
                        return
                    continue
                self._take(request)

    def _obey(self):
        word = self._control.recv(100).decode()
        if word == "swallowed":
            self._control.send(str(len(self._swallowed)).encode())
            return True
        self._mode = word
        if word == "answer":
            waiting, self._swallowed = self._swallowed, []
            for request in waiting:
                self._answer(request)
        self._control.send(b"done")
        return bool(word)

    def _take(self, request):
        opcode = _HEADER.unpack_from(request)[1]
        if self._mode == "swallow" and opcode not in _UNANSWERED:
            self._swallowed.append(request)
        else:
            self._answer(request)

    def _answer(self, request):
        _, opcode, unique, node, *_ = _HEADER.unpack_from(request)
        if opcode in _UNANSWERED:
            return
        try:
            body, error = self._reply(opcode, node, request[_HEADER.size :]), 0
        except OSError as failure:
            body, error = b"", -failure.errno
        with contextlib.suppress(OSError):  # who asked is gone
            os.write(self._device, _ANSWER.pack(_ANSWER.size + len(body), error, unique) + body)

    def _reply(self, opcode, node, body):
        if opcode == _START:
            return _INIT.pack(7, 31, 0, 0, 16, 12, 1 << 17, 1, 0, 0, *[0] * 8)
        if opcode == _LOOKUP:
            found = self._ids.get(f"{self._nodes[node][0]}/{body.rstrip(bytes(1)).decode()}".lstrip("/"))
            if found is None:
                raise FileNotFoundError(errno.ENOENT, "no such entry")
            return _ENTRY.pack(found, 0, 0, 0, 0, 0) + self._attributes(found)
        if opcode == _GETATTR:
            return _VALID.pack(0, 0, 0) + self._attributes(node)
        if opcode in (_OPEN, _OPENDIR):
            return _OPENED.pack(0, 0, 0)
        if opcode == _READDIR:
            return self._entries(node, *_READ.unpack_from(body)[1:])
        if opcode == _READ_FILE:
            _, offset, length = _READ.unpack_from(body)
            return bytes(max(0, min(length, self._nodes[node][1] - offset)))
        if opcode == _STATFS_OF:
            return _STATFS.pack(1000, 500, 500, 100, 50, 4096, 255, 4096, 0)
        if opcode in (_RELEASE, _RELEASEDIR, _FLUSH, _ACCESS, _DESTROY):
            return b""
        raise OSError(errno.ENOSYS, "not implemented")

    def _attributes(self, node):
        size = self._nodes[node][1]
        mode = stat.S_IFDIR | 0o755 if size is None else stat.S_IFREG | 0o644
        length = size or 0
        return _ATTRIBUTES.pack(
            node, length, -(-length // 4096) * 8, *[1_760_000_000] * 3, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0
        )

    def _entries(self, node, offset, length):
        folder = self._nodes[node][0]
        below = [(i, p, s) for i, (p, s) in enumerate(self._nodes[2:], start=2) if p.rpartition("/")[0] == folder]
        found = b""
        for position, (number, path, size) in enumerate(below[offset:], start=offset + 1):
            name = path.rpartition("/")[2].encode()
            kind = stat.S_IFMT(stat.S_IFDIR if size is None else stat.S_IFREG) >> 12
            entry = _DIRENT.pack(number, position, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(found) + len(entry) > length:
                break
            found += entry
        return found


def state_of(pid):
    """The states of a process's threads, as in /proc/PID/task/TID/stat."""
    states = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            states.append((task / "stat").read_text().rpartition(")")[2].split()[0])
    return states


if __name__ == "__main__":
    _Server(int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), json.loads(sys.argv[3])).serve()
