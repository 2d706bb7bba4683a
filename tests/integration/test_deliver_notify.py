"""Who is told what, when something has failed or is late, and what a mail server may do to a run: nothing."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from include import notify
from include.durable_files import write_durably
from include.errors import PostloanError
from include.notify import failure_digest, late_digest, mail_server, tell
from include.settings import Settings
from tests.integration import audit_example as example
from tests.support.mail import MailBox


def files_only(tmp_path: Path) -> Settings:
    """Settings without a warehouse that could answer."""
    return Settings(home=tmp_path, warehouse_url=SecretStr("postgresql://nobody:s3cret@127.0.0.1:1/none"))


def with_mail(settings: Settings, box: MailBox) -> Settings:
    return settings.model_copy(update={"smtp_url": SecretStr(box.url)})


def test_a_failed_run_is_told_once_with_every_step_what_stands_and_where_to_read_on(settings: Settings) -> None:
    example.build_run(settings)
    failures = {"land": ["payments of 2026-03-10 is late", "core_banking of 2026-03-10 is late"], "audit_marts": []}
    with MailBox() as box:
        path = failure_digest("post_loan_daily", "2026-03-10", failures, with_mail(settings, box))
    text = path.read_text(encoding="utf-8")
    assert path.parent == settings.exports / "2026-03-10"
    assert path.name.startswith("failed-post_loan_daily-")
    assert "payments of 2026-03-10 is late" in text
    assert "core_banking of 2026-03-10 is late" in text
    assert "Nothing was published; the lists of 2026-03-09 stand." in text
    assert "未发布任何新内容，2026-03-09 的清单继续有效。" in text
    assert "docs/runbook.md, `land`" in text
    assert "Ended without a word" in text
    (message,) = box.messages
    assert message["Subject"] == "Postloan 2026-03-10: post_loan_daily 失败 failed"
    assert "core_banking of 2026-03-10 is late" in message.get_content()


def test_the_same_failure_again_is_no_second_mail_and_another_one_is(tmp_path: Path) -> None:
    settings = files_only(tmp_path)
    with MailBox() as box:
        for said in ("late", "late", "refused"):
            failure_digest("post_loan_daily", "2026-03-10", {"land": [said]}, with_mail(settings, box))
    assert len(box.messages) == 2
    assert len(list((settings.exports / "2026-03-10").glob("failed-*.md"))) == 2


def test_after_publication_a_failure_says_that_the_lists_are_out(settings: Settings) -> None:
    example.build_run(settings)
    text = failure_digest("post_loan_daily", "2026-03-09", {"deliver": ["disk full"]}, settings).read_text("utf-8")
    assert "The lists of 2026-03-09 are published and stand." in text


def test_late_lists_are_told_apart_from_a_failed_run(settings: Settings) -> None:
    example.build_run(settings)
    path = late_digest("post_loan_daily", "2026-03-10", settings)
    text = path.read_text(encoding="utf-8")
    assert path.name.startswith("late-")
    assert "late" in text.splitlines()[0]
    assert "The run goes on" in text
    assert "the lists of 2026-03-09 stand" in text


def test_a_warehouse_that_does_not_answer_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    text = failure_digest("post_loan_daily", "2026-03-10", {"open_run": ["no connection"]}, files_only(tmp_path))
    assert "The warehouse did not answer" in text.read_text(encoding="utf-8")
    assert "s3cret" not in text.read_text(encoding="utf-8")


@pytest.mark.parametrize("key", ["../../etc/passwd", "manual__2026-03-10T00:00:00+00:00", "..", ""])
def test_whatever_the_run_is_called_its_file_stays_in_the_exports(tmp_path: Path, key: str) -> None:
    settings = files_only(tmp_path)
    path = failure_digest("post_loan_daily", key, {}, settings)
    assert path.resolve().parent.parent == settings.exports.resolve()


@pytest.mark.parametrize("mood", ["refuses", "hangs", "gone"])
def test_a_mail_server_that_refuses_hangs_or_is_gone_fails_nothing_and_the_next_try_sends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    monkeypatch.setattr(notify, "MAIL_TIMEOUT_SECONDS", 0.3)
    settings, path = files_only(tmp_path), tmp_path / "digest.md"
    with MailBox(mood) as box:
        unfriendly = with_mail(settings, box)
        if mood != "gone":
            assert tell(unfriendly, path, "subject", "text") is False
    if mood == "gone":
        assert tell(unfriendly, path, "subject", "text") is False
    assert path.read_text(encoding="utf-8") == "text"
    assert "was written but not mailed" in caplog.text
    assert "example.com" not in caplog.text, "addresses stay out of logs"
    with MailBox() as box:
        assert tell(with_mail(settings, box), path, "subject", "text") is True
        assert tell(with_mail(settings, box), path, "subject", "text") is False
        assert len(box.messages) == 1


def test_a_second_copy_after_a_kill_between_mail_and_mark_has_the_same_message_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, content: bytes) -> None:
        if path.suffix == ".mailed":
            raise KeyboardInterrupt
        write_durably(path, content)

    with MailBox() as box:
        settings = with_mail(files_only(tmp_path), box)
        with monkeypatch.context() as patched:
            patched.setattr(notify, "write_durably", killed)
            with pytest.raises(KeyboardInterrupt):
                tell(settings, tmp_path / "digest.md", "subject", "text")
        tell(settings, tmp_path / "digest.md", "subject", "text")
        assert len({message["Message-ID"] for message in box.messages}) == 1


def test_without_tls_nothing_is_said_to_a_server_on_another_machine(tmp_path: Path) -> None:
    # 127.0.0.2 stands for another machine: it is not one of the names of this one
    with MailBox(host="127.0.0.2") as box:
        assert tell(with_mail(files_only(tmp_path), box), tmp_path / "digest.md", "subject", "text") is False
        assert box.messages == []
        assert not [command for command in box.commands if command.upper().startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example/?from=a@b.c&to=d@e.f",
        "smtp://mail.example",
        "smtp://mail.example/?from=a@b.c",
        "smtp:///?from=a@b.c&to=d@e.f",
        "smtp://user:s3cret@mail.example:port/?from=a@b.c&to=d@e.f",
    ],
)
def test_a_mail_address_that_cannot_be_used_is_explained_without_its_password(tmp_path: Path, url: str) -> None:
    settings = files_only(tmp_path).model_copy(update={"smtp_url": SecretStr(url)})
    with pytest.raises(PostloanError, match="POSTLOAN_SMTP_URL must look like") as refused:
        mail_server(settings)
    assert "s3cret" not in str(refused.value)


def test_ports_follow_from_the_kind_of_server_and_passwords_may_hold_any_letter(tmp_path: Path) -> None:
    def parsed(url: str) -> notify.MailServer:
        server = mail_server(files_only(tmp_path).model_copy(update={"smtp_url": SecretStr(url)}))
        assert server is not None
        return server

    assert parsed("smtps://mail.example/?from=a@b.c&to=d@e.f").port == 465
    assert parsed("smtp://mail.example/?from=a@b.c&to=d@e.f").port == 587
    server = parsed("smtps://us%40er:p%2Fw%3A@mail.example/?from=a@b.c&to=d@e.f,g@h.i")
    assert (server.user, server.password, server.recipients) == ("us@er", "p/w:", ("d@e.f", "g@h.i"))


def test_without_a_mail_server_there_is_a_file_and_no_mark(tmp_path: Path) -> None:
    settings = files_only(tmp_path)
    assert tell(settings, tmp_path / "digest.md", "subject", "text") is False
    assert not (tmp_path / "digest.md.mailed").exists()


def test_a_failure_is_logged_with_its_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        path = failure_digest("post_loan_daily", "2026-03-10", {}, files_only(tmp_path))
    assert str(path) in caplog.text
