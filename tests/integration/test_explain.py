"""`postloan explain`: whoever asks why finds the rows, the reason of the computation, and the delivered lines."""

import csv
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from include.cli import app
from include.errors import PostloanError
from include.explain import explain_borrower, explain_loan
from include.landing.discover import daily_folder
from include.settings import Settings
from include.warehouse.connection import connect
from tests.conftest import TestServer
from tests.support.days import compute, land_all
from tests.support.small_bank import HISTORY_TO, day, deliver_days


@pytest.fixture(scope="module")
def published(server: TestServer, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    server.create_database("explain", template=template_warehouse)
    settings = server.settings_for("explain", tmp_path_factory.mktemp("explain"))
    deliver_days(settings.landing, 2, loans=80)
    for business_date in (HISTORY_TO, day(1), day(2)):
        land_all(business_date, settings)
        compute(business_date, settings, audited=False)
    return settings


@pytest.fixture(scope="module")
def late_loan(published: Settings) -> tuple[str, str]:
    """A loan on the warning list of the last date, and its borrower."""
    with connect(published) as connection:
        return connection.execute("select loan_id, borrower_id from serving.warning_list order by loan_id").fetchone()


def test_a_loan_on_the_list_is_explained_from_its_position_to_its_signals(
    published: Settings, late_loan: tuple[str, str]
) -> None:
    told = explain_loan(late_loan[0], published, days=3)
    assert (told.business_date, told.touched[0]) == (day(2), day(2))
    assert told.touched[2], "whoever is listed is computed every day, and says why"
    sections = {section.data_set.name: dict(section.rows[0]) for section in told.sections}
    assert list(sections)[:2] == ["loan_position", "loan_signal"]
    assert sections["loan_position"]["days_past_due"] > 0
    assert sections["loan_signal"]["raise_threshold"] is not None
    assert sections["warning_list"]["reason_text_zh"]
    assert "borrower_position" in sections
    assert [one.business_date for one in told.story] == [day(2), day(1), HISTORY_TO]
    assert told.story[0].severity == sections["warning_list"]["severity"]


def test_every_line_named_is_where_it_is_said_to_be(published: Settings) -> None:
    with connect(published, role="postloan_transformer") as connection:
        (loan_id,) = connection.execute(
            "select loan_id from raw.payments__repayment_transaction where _business_date = %s order by 1", (day(2),)
        ).fetchone()
    (line,) = [
        line
        for line in explain_loan(loan_id, published).lines
        if line.source == "payments.repayment_transaction" and line.business_date == day(2)
    ][:1]
    path = daily_folder(published.landing, "payments", day(2)) / line.file_name
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[line.line_number - 1]["loan_id"] == loan_id


def test_a_past_date_is_explained_as_it_was_shown(published: Settings, late_loan: tuple[str, str]) -> None:
    told = explain_loan(late_loan[0], published, day=day(1))
    with connect(published) as connection:
        shown = connection.execute(
            "select days_past_due from serving.loan_position_as_of(%s) where loan_id = %s", (day(1), late_loan[0])
        ).fetchone()[0]
    assert dict(told.sections[0].rows[0])["days_past_due"] == shown


def test_a_borrower_is_explained_with_every_loan(published: Settings, late_loan: tuple[str, str]) -> None:
    told = explain_borrower(late_loan[1], published)
    with connect(published) as connection:
        loans = connection.execute(
            "select count(*) from serving.loan_position where borrower_id = %s", (late_loan[1],)
        ).fetchone()[0]
    positions = next(section for section in told.sections if section.data_set.name == "loan_position")
    assert len(positions.rows) == loans
    assert late_loan[0] in [dict(row)["loan_id"] for row in positions.rows]


def test_what_nobody_knows_is_said_with_what_to_do_next(published: Settings) -> None:
    with pytest.raises(PostloanError, match="knows no loan NOBODY") as refused:
        explain_loan("NOBODY", published)
    assert refused.value.next_command.startswith("postloan lists")
    with pytest.raises(PostloanError, match="is not published"):
        explain_loan("NOBODY", published, day=HISTORY_TO - timedelta(days=900))
    with pytest.raises(PostloanError, match="knows no borrower"):
        explain_borrower("NOBODY", published)


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "逐日经过"), ("en", "Day by day")])
def test_the_command_tells_it_in_the_language_asked_for(
    published: Settings, late_loan: tuple[str, str], monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    monkeypatch.setattr("include.cli.settings_of_this_process", lambda: published)
    done = CliRunner().invoke(app, ["explain", late_loan[0], "--days", "2", "--language", language])
    assert done.exit_code == 0, done.output
    assert words in done.output
    assert late_loan[0] in done.output
