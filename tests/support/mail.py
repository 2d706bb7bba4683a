"""A mail server of a test: takes messages, or is as unfriendly as it is told to be."""

import socketserver
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailBox:
    """Listens on this machine. ``mood``: friendly, refuses (each recipient) or hangs (never says a word)."""

    def __init__(self, mood: str = "friendly", host: str = "127.0.0.1") -> None:
        self.mood = mood
        self.messages: list[EmailMessage] = []
        self.commands: list[str] = []
        self._server = _Server((host, 0), _Session)
        self._server.box = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address
        return f"smtp://{host}:{port}/?from=postloan@example.com&to=risk@example.com,ops@example.com"

    def __enter__(self) -> "MailBox":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    box: MailBox


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box = self.server.box
        if box.mood == "hangs":
            time.sleep(3)
            return
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            box.commands.append(line)
            verb = line.split()[0].upper()
            if verb == "DATA":
                self._say("354 go on")
                box.messages.append(message_from_bytes(self._body(), policy=policy.default))
                self._say("250 taken")
            elif verb == "RCPT" and box.mood == "refuses":
                self._say("550 no such user")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
