"""Tells people: one digest a published run, one message a failed one, one when the lists are late.

Each is a file first. It also goes out by mail where ``POSTLOAN_SMTP_URL`` names a server, once: a mark beside the file
says so. A mail server that is slow, down or unfriendly is logged and fails nothing; the next delivery of the run tries
again. A process killed between the server's answer and the mark sends a second copy under the same Message-ID.
"""

import hashlib
import logging
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from include.durable_files import write_durably
from include.errors import PostloanError
from include.settings import Settings

log = logging.getLogger(__name__)
MAIL_TIMEOUT_SECONDS = 20
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class MailServer:
    """Where mail goes. ``is_tls``: from the first byte; otherwise STARTTLS is demanded, except on this machine."""

    host: str
    port: int
    is_tls: bool
    user: str | None
    password: str | None
    sender: str
    recipients: tuple[str, ...]


def mail_server(settings: Settings) -> MailServer | None:
    """The server of ``POSTLOAN_SMTP_URL``; None without one. Raises PostloanError, which never repeats the URL."""
    if settings.smtp_url is None:
        return None
    parts = urlsplit(settings.smtp_url.get_secret_value())
    query = parse_qs(parts.query)
    senders, recipients = query.get("from", []), [one for text in query.get("to", []) for one in text.split(",") if one]
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or len(senders) != 1 or not recipients or port == -1:
        raise PostloanError(
            "POSTLOAN_SMTP_URL must look like smtps://user:password@host:465/?from=a@example.com&to=b@example.com"
        )
    is_tls = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname,
        port=port or (465 if is_tls else 587),
        is_tls=is_tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=senders[0],
        recipients=tuple(recipients),
    )


def tell(settings: Settings, path: Path, subject: str, text: str) -> bool:
    """Write ``text`` to ``path``, and mail it unless that was done before. Returns whether a mail went out now."""
    content = text.encode()
    if not path.is_file() or path.read_bytes() != content:
        write_durably(path, content)
    return send_once(settings, path, subject)


def send_once(settings: Settings, path: Path, subject: str) -> bool:
    """Mail the file at ``path`` unless its mark says that it went out. Never raises because of mail."""
    mark = path.with_name(f"{path.name}.mailed")
    if settings.smtp_url is None or mark.exists():
        return False
    content = path.read_bytes()
    message_id = f"<{hashlib.sha256(subject.encode() + content).hexdigest()[:32]}@postloan.invalid>"
    try:
        server = mail_server(settings)
        assert server is not None
        _send(server, subject, content.decode(), message_id)
    except (OSError, smtplib.SMTPException, PostloanError) as error:
        # an SMTP error may repeat addresses; its class and code are enough
        code = getattr(error, "smtp_code", "")
        reason = error.what if isinstance(error, PostloanError) else f"{type(error).__name__} {code}".strip()
        log.warning("%s was written but not mailed: %s", path, reason)
        return False
    write_durably(mark, f"{message_id}\n".encode())
    return True


def failure_digest(dag_id: str, key: str, failures: Mapping[str, Sequence[str]], settings: Settings) -> Path:
    """Tell that a run failed: which steps, what they said, what stands, where to read on. Returns the file.

    key: the business date or month that the run was for. failures: what each failed task said to people, by task; an
    empty list: it ended without a word. The same failure again is the same file, and no second mail.
    """
    stands_zh, stands_en = _what_stands(key, settings)
    lines = [f"# {key}: {dag_id} 运行失败 failed", "", f"{stands_zh}", f"{stands_en}", ""]
    for task, said in sorted(failures.items()):
        lines += [f"## {task}", ""]
        lines += (
            [*said, ""] if said else ["没有说明，见任务日志。 Ended without a word: the task's log has the rest.", ""]
        )
        lines += [f"怎么办 What to do: docs/runbook.md, `{task}`", ""]
    if not failures:
        lines += ["见 Airflow 中该运行的日志。 The run's log in Airflow says which task it was.", ""]
        lines += [f"怎么办 What to do: docs/runbook.md, `{dag_id}`", ""]
    return _tell_about_run(settings, "failed", dag_id, key, f"Postloan {key}: {dag_id} 失败 failed", lines)


def late_digest(dag_id: str, key: str, settings: Settings) -> Path:
    """Tell that the lists of a date are not out by their hour, while the run goes on. Returns the file."""
    stands_zh, stands_en = _what_stands(key, settings)
    lines = [
        f"# {key}: {dag_id} 延迟 late", "", stands_zh, stands_en, "",
        "运行仍在继续，完成后照常发布。 The run goes on and publishes when it is done.",
        f"怎么办 What to do: postloan status; docs/runbook.md, `{dag_id}`", "",
    ]  # fmt: skip
    return _tell_about_run(settings, "late", dag_id, key, f"Postloan {key}: {dag_id} 延迟 late", lines)


def _tell_about_run(settings: Settings, what: str, dag_id: str, key: str, subject: str, lines: list[str]) -> Path:
    text = "\n".join(lines)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = settings.exports / _as_name(key) / f"{what}-{_as_name(dag_id)}-{digest}.md"
    tell(settings, path, subject, text)
    log.error("%s: %s", subject, path)
    return path


def _what_stands(key: str, settings: Settings) -> tuple[str, str]:
    """What readers see, in both languages, as far as the warehouse can be asked."""
    from include.warehouse.connection import connect

    try:
        with connect(settings, application_name="postloan:digest") as connection:
            (latest, is_out) = connection.execute(
                "select max(business_date)::text, coalesce(bool_or(business_date::text = %s), false) "
                "from ops.publication",
                (key,),
            ).fetchone()
    except (psycopg.Error, PostloanError):
        return (
            "数据仓库没有应答，不知道已发布到哪一天。",
            "The warehouse did not answer: what is published is not known.",
        )
    if is_out:
        return f"{key} 的清单已发布并有效。", f"The lists of {key} are published and stand."
    if latest is None:
        return "尚无任何已发布的清单。", "Nothing has been published yet."
    return f"未发布任何新内容，{latest} 的清单继续有效。", f"Nothing was published; the lists of {latest} stand."


def _send(server: MailServer, subject: str, text: str, message_id: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, server.sender, ", ".join(server.recipients)
    message["Message-ID"], message["Date"] = message_id, formatdate()
    message.set_content(text)
    context = ssl.create_default_context()
    if server.is_tls:
        connection = smtplib.SMTP_SSL(server.host, server.port, timeout=MAIL_TIMEOUT_SECONDS, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=MAIL_TIMEOUT_SECONDS)
    with connection:
        if not server.is_tls and server.host not in LOOPBACK:
            connection.starttls(context=context)
        if server.user:
            connection.login(server.user, server.password or "")
        connection.send_message(message)


def _as_name(text: str) -> str:
    """``text`` as part of a file name: no separators, no leading dot."""
    return re.sub(r"[^0-9A-Za-z._-]", "_", text).lstrip(".") or "_"
