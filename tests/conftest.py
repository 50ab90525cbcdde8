"""Web servers for what the tests serve: real HTTP, on loopback. And a collector of spans.

`vendor_server` stands for a vendor that knows no rules and responds as planned, such as the
printed samples of its documentation; `mutations` spoils a sample one field at a time.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from urllib.parse import unquote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telephony import registry
from telephony.sandbox.vendor import application


def pytest_configure():
    """Let what tests start be interrupted, where a shell began this in the background.

    What ignores SIGINT hands that on to all that it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers():
    """Use more workers than cores: many tests wait for sockets and for other processes."""
    return (os.cpu_count() or 1) * 3 // 2


# The last row is of Windows, where nothing starts or connects without some of them.
_NEEDED = (
    *("PATH", "HOME", "LANG", "TMPDIR"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP"),
)


def inherited():
    """Return the environment that a command needs: no settings, but what measures its coverage."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _NEEDED or name.startswith("COVERAGE_")
    }


EXAMPLE = Path(__file__).parent / "example_adapter"
FORKED = Path(__file__).parent / "forked.py"

USER_FOLDER = ("XDG_CONFIG_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA")
"""The variables that say where a user's configuration is; the second on Windows."""


def home(folder):
    """Return the variables that put the user's configuration below a folder, on every system."""
    return {"HOME": str(folder), **dict.fromkeys(USER_FOLDER, str(folder / ".config"))}


class _Threaded(ThreadingMixIn, WSGIServer):
    pass


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def wsgi_server(app):
    with make_server("127.0.0.1", 0, app, _Threaded, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=sorted(registry.available()))
def adapter(request):
    return request.param


@pytest.fixture(params=["blocking", "asyncio"])
def mode(request):
    return request.param


@dataclass(frozen=True)
class Done:
    """A process that ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def _forks():
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, FORKED], env=environment, **pipes) as forks:
        assert forks.stdout.readline() == "ready\n"
        yield forks
        forks.stdin.close()


@pytest.fixture
def fork(_forks, tmp_path_factory):
    """Run ``python -W error …`` as a process of its own, in a tenth of the time.

    `stdin` is text, or the path of a terminal. `dies` is the count of lines of the program before
    whose execution it is killed.
    """
    folder = tmp_path_factory.mktemp("streams")
    given, out, err = (folder / name for name in ("stdin", "stdout", "stderr"))

    def run(*arguments, cwd, env, stdin="", dies=None):
        for file in (out, err):
            file.write_text("")
        if isinstance(stdin, str):
            given.write_text(stdin)
            stdin = given
        job = {
            "arguments": arguments,
            "environment": env,
            "folder": str(cwd),
            "files": [str(stdin), str(out), str(err)],
            "dies": dies,
        }
        print(json.dumps(job), file=_forks.stdin, flush=True)
        code = int(_forks.stdout.readline())
        return Done(code, out.read_text(), err.read_text())

    return run


@pytest.fixture
def python(request):
    """Run ``python -W error …``, forked where the system can; returns its exit code and output."""
    if hasattr(os, "fork"):
        return request.getfixturevalue("fork")

    def run(*arguments, cwd, env, stdin=""):
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=cwd, env=env, input=stdin, capture_output=True, text=True,
        )  # fmt: skip

    return run


@pytest.fixture
def serve_asgi(_telephony_serve):
    """Serve an ASGI application until the test ends; returns its URL."""
    return _telephony_serve


@pytest.fixture
def serve_wsgi():
    """Serve a WSGI application until the test ends; returns its URL."""
    with contextlib.ExitStack() as running:
        yield lambda app: running.enter_context(wsgi_server(app))


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def json(self):
        return json.loads(self.content) if self.content else None


@dataclass
class VendorServer:
    """Answers each route with what stands for it, else 404.

    Attributes:
        responses: by method and path, such as ``"GET /numbers"``: status and body. A body that is
            bytes is sent as it is, any other as JSON. Or a function that makes both of a query.
        requests: what came in, in order; the path has its query.
    """

    responses: dict[str, object] = field(default_factory=dict)
    requests: list[Sent] = field(default_factory=list)
    url: str = ""

    def answer(self, connection, request):
        head, _, content = request.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        place, _, query = target.partition("?")
        path = unquote(place)
        headers = {
            name.lower(): value.strip()
            for name, _, value in (each.partition(":") for each in fields)
        }
        self.requests.append(Sent(method, f"{path}?{query}" if query else path, headers, content))
        planned = self.responses.get(f"{method} {path}", (404, {}))
        status, body = planned(query) if callable(planned) else planned
        shown = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = ["Content-Type: application/json"] if shown else []
        connection.sendall(http_answer(shown, *kind, status=f"{status} x"))


@pytest.fixture
def vendor_server(raw_server):
    server = VendorServer()
    server.url = raw_server(server.answer).url
    return server


_ODD = (None, "", 0, [], {}, True, "odd", 7.5, [None], {"odd": None})


def _places(value, above=()):
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(value, dict):
            yield (*above, key)
        if isinstance(part, dict | list):
            yield from _places(part, (*above, key))


@pytest.fixture
def mutations():
    """Yield `sample` with each field but the `required` ones spoiled and left out, and how.

    Fields are named like ``data.0.id``.
    """

    def mutated(sample, required=()):
        for place in _places(sample):
            name = ".".join(map(str, place))
            if name in required:
                continue
            for odd in (*_ODD, ...):
                spoiled = copy.deepcopy(sample)
                *above, last = place
                target = spoiled
                for part in above:
                    target = target[part]
                if odd is ...:
                    del target[last]
                else:
                    target[last] = odd
                yield f"{name}: {'absent' if odd is ... else odd!r}", spoiled

    return mutated


@pytest.fixture(scope="session")
def _spans():
    # A process has one tracer provider for good.
    found = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    trace.set_tracer_provider(provider)
    return found


@pytest.fixture
def exporter(_spans):
    """Return the finished spans of this test."""
    _spans.clear()
    return _spans


def until(condition):
    # The other side of a connection is another thread, or the kernel.
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


class RawServer:
    """Answers each request with what `answer(connection, request)` writes; keeps the requests."""

    def __init__(self, answer):
        self.requests, self._answer = [], answer
        self.stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._connections = []
        self._threads[0].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            while request := self._read(connection):
                self.requests.append(request)
                self._answer(connection, request)

    @staticmethod
    def _read(connection):
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(65536)
            if not part:
                return b""
            request += part
        head, _, body = request.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")]
        while lengths and len(body) < int(lengths[0].split(b":")[1]):
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def hang_up(self):
        """Close every connection, as a server does with those that were idle for too long."""
        for one in self._connections:
            one.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.stopped.set()
        for one in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def raw_server():
    """Start a server that writes bytes as it likes; it runs until the test ends."""
    with contextlib.ExitStack() as running:

        def start(answer):
            server = RawServer(answer)
            running.callback(server.stop)
            return server

        yield start


def http_answer(body, *headers, status="200 OK"):
    """Return the bytes of an answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
def acme(monkeypatch, serve_asgi):
    """Serve the sandbox of the example adapter; its `base_url` says where."""
    monkeypatch.syspath_prepend(EXAMPLE)
    from acme_telephony.sandbox import AcmeSandbox

    vendor = AcmeSandbox()
    vendor.base_url = serve_asgi(application(vendor))
    return vendor
