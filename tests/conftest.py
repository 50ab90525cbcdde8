"""Web servers for what the tests serve: real HTTP, on loopback. And a collector of spans."""

from __future__ import annotations

import contextlib
import socket
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import uvicorn
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telephony import registry


@contextlib.contextmanager
def asgi_server(app):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


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


@pytest.fixture
def serve_asgi():
    """Serve an ASGI application until the test ends; returns its URL."""
    with contextlib.ExitStack() as running:
        yield lambda app: running.enter_context(asgi_server(app))


@pytest.fixture
def serve_wsgi():
    """Serve a WSGI application until the test ends; returns its URL."""
    with contextlib.ExitStack() as running:
        yield lambda app: running.enter_context(wsgi_server(app))


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
    """The finished spans of this test."""
    _spans.clear()
    return _spans
