"""A server whose responses tests set, and that records its requests."""

from __future__ import annotations

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Listener:
    """A server that gives set responses, and records its requests."""

    def __init__(self):
        self.heard = []
        self.status, self.headers, self.body = 200, {}, b"{}"
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                listener.heard.append((self.path, dict(self.headers)))
                self.send_response(listener.status)
                for name, value in listener.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(listener.body)))
                self.end_headers()
                self.wfile.write(listener.body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                """Who does not trust the certificate hangs up, which is no news here."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def vouched_for_by(self, authority):
        """Speak TLS, with a certificate of this authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        self.speak_tls(context)

    def speak_tls(self, context):
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = self.url.replace("http:", "https:")

    def __enter__(self):
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def listen():
    """Start a `Listener`; it runs until the test ends."""
    with contextlib.ExitStack() as running:
        yield lambda: running.enter_context(Listener())
