"""A bureau's HTTP API on this machine that can fail, throttle, repeat, truncate and change its mind."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "t0ken-of-the-bureau"
Answer = tuple[int, dict[str, str], bytes]
# how a fault answers: the page asked for, how often it was asked before, the API's own answer; None: as usual
Fault = Callable[[int, int, Answer], "Answer | None"]


class Bureau:
    """What the API knows and how it misbehaves. ``asked``: every request, path and page."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, int]] = []
        self.url = ""

    def answer(self, path: str, page: int, size: int, authorization: str | None) -> Answer:
        times = self.asked.count((path, page))
        self.asked.append((path, page))
        if authorization != f"Bearer {TOKEN}":
            return 401, {}, b'{"error": "who are you"}'
        if path not in self.rows:
            usual = (404, {}, b'{"error": "no such batch"}')
        else:
            usual = page_of(self.rows[path], page, size)
        for fault in self.faults:
            answered = fault(page, times, usual)
            if answered is not None:
                return answered
        return usual


def page_of(rows: list[dict[str, Any]], number: int, size: int, **changed: Any) -> Answer:
    """One page as the API gives it, with some of its members changed."""
    stated = {"page": number, "total_count": len(rows), "items": rows[(number - 1) * size : number * size]} | changed
    return 200, {}, json.dumps(stated, ensure_ascii=False).encode()


@contextmanager
def bureau_api() -> Iterator[Bureau]:
    """The API, answering until the end."""
    bureau = Bureau()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            page, size = int(query["page"][0]), int(query["page_size"][0])
            status, headers, body = bureau.answer(parts.path, page, size, self.headers.get("Authorization"))
            if status == 0:  # hang up without a word
                self.close_connection = True
                return
            if "Hang" in headers:
                time.sleep(float(headers.pop("Hang")))
            length = int(headers.pop("Cut", 0)) or len(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:length])
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    bureau.url = f"http://:{TOKEN}@127.0.0.1:{server.server_port}/api"
    try:
        yield bureau
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
