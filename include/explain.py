"""Why a loan or a borrower stands where it stands on a date: everything that readers saw of it, and where it came from.

Nothing is computed: the facts are the published rows of that date, the run that wrote them, what made it look at the
loan, and the delivered lines that the run had pinned. A data set that joins the marts later needs no line here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from include.errors import PostloanError
from include.landing.contract import Contract, load_contracts
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import DataSet, load_data_sets
from include.warehouse.roles import AUDITOR, TRANSFORMER

# in the order in which a day makes them; a data set that is not named here comes after these
ORDER = (
    "loan_position", "loan_signal", "loan_feature", "loan_score", "use_of_proceeds_check", "warning_episode",
    "warning_list", "warning_cleared", "borrower_position", "borrower_profile", "risk_tier", "revisit_plan",
    "work_item", "revisit_assignment", "contact_suppression", "coverage_gap", "recon_break",
)  # fmt: skip
HIDDEN = ("business_date", "run_id", "as_of_date", "loan_id", "borrower_id")
LINES_SHOWN = 3
PUBLISHED = """
    select business_date, run_id from ops.publication
    where data_set = 'loan_position' and business_date <= coalesce(%(day)s, 'infinity'::date)
    order by business_date desc limit %(days)s
"""
LAST_TOUCH = """
    select touched.business_date, touched.run_id, touched.reason_codes, touched.borrower_id
    from ops.run_chain as chain
    join published.touched_loan as touched
        on touched.business_date = chain.ancestor_business_date and touched.run_id = chain.ancestor_run_id
    where chain.run_id = %(run_id)s and touched.loan_id = %(loan_id)s
    order by chain.depth limit 1
"""
STORY = """
    select position.loan_status, position.days_past_due, position.delinquency_bucket, position.past_due_amount,
        listed.severity, listed.change, listed.signal_codes, touched.reason_codes
    from serving.loan_position_as_of(%(day)s) as position
    left join serving.warning_list_as_of(%(day)s) as listed on listed.loan_id = position.loan_id
    left join published.touched_loan as touched
        on touched.business_date = %(day)s and touched.run_id = %(run_id)s and touched.loan_id = position.loan_id
    where position.loan_id = %(loan_id)s
"""
TEXTS = """
    select reason_code, text_zh, text_en from ref.reason_text
    where valid_from <= %(day)s and coalesce(valid_to, 'infinity') >= %(day)s
"""


@dataclass(frozen=True)
class Section:
    """The rows of one data set about the subject; ``rows`` hold (column, value), without those that are empty."""

    data_set: DataSet
    rows: list[list[tuple[str, Any]]]


@dataclass(frozen=True)
class Line:
    """A delivered line about the loan that the run had pinned."""

    source: str
    business_date: date
    known_date: date
    file_name: str | None
    line_number: int


@dataclass(frozen=True)
class Day:
    """One published date in a loan's story; ``touched`` is empty where the run carried the row."""

    business_date: date
    status: str
    days_past_due: int
    bucket: str
    past_due_amount: Any
    severity: str | None
    change: str | None
    signals: str | None
    touched: str | None


@dataclass(frozen=True)
class Explained:
    """All of it. ``touched``: (date, run, reasons in words) of the run that computed what the date shows."""

    subject: str
    business_date: date
    run_id: str
    touched: tuple[date, str, list[str]] | None = None
    sections: list[Section] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    story: list[Day] = field(default_factory=list)


def explain_loan(loan_id: str, settings: Settings, *, day: date | None = None, days: int = 1) -> Explained:
    """Everything about a loan as of a published date (None: the latest), with its story over the last ``days`` of them.

    Raises PostloanError where nothing is published, or no source knew the loan.
    """
    with reading(settings) as connection:
        dates = dates_of(connection, day, days)
        business_date, run_id = dates[0]
        touch = connection.execute(LAST_TOUCH, {"run_id": run_id, "loan_id": loan_id}).fetchone()
        if touch is None:
            raise PostloanError(
                f"{business_date} knows no loan {loan_id}", next_command=f"postloan lists --date {business_date}"
            )
        texts = {code: (zh, en) for code, zh, en in connection.execute(TEXTS, {"day": business_date})}
        reasons = [_touch_text(code, texts, settings) for code in touch[2].split(",")]
        return Explained(
            loan_id,
            business_date,
            run_id,
            (touch[0], touch[1], reasons),
            [
                *sections_of(connection, business_date, "loan_id", loan_id),
                *_of_borrower(connection, business_date, touch),
            ],
            _lines(settings, run_id, loan_id),
            [_day(connection, shown, run, loan_id) for shown, run in dates] if days > 1 else [],
        )


def explain_borrower(borrower_id: str, settings: Settings, *, day: date | None = None) -> Explained:
    """Everything about a borrower as of a published date: the borrower's own rows, and those of each loan.

    Raises PostloanError where nothing is published, or the date knows no loan of the borrower.
    """
    with reading(settings) as connection:
        ((business_date, run_id),) = dates_of(connection, day, 1)
        sections = sections_of(connection, business_date, "borrower_id", borrower_id)
        if not sections:
            raise PostloanError(f"{business_date} knows no borrower {borrower_id}", next_command="postloan lists")
        return Explained(borrower_id, business_date, run_id, sections=sections)


def reading(settings: Settings, role: str = AUDITOR) -> psycopg.Connection:
    connection = connect(settings, role=role, application_name="postloan:explain")
    connection.execute("set transaction isolation level repeatable read read only")
    return connection


def dates_of(connection: psycopg.Connection, day: date | None, days: int) -> list[tuple[date, str]]:
    found = connection.execute(PUBLISHED, {"day": day, "days": days}).fetchall()
    if not found or (day is not None and found[0][0] != day):
        what = f"{day} is not published" if day else "Nothing is published yet"
        raise PostloanError(what, next_command=f"postloan run {day or 'YYYY-MM-DD'}")
    return found


def sections_of(connection: psycopg.Connection, day: date, subject: str, value: str) -> list[Section]:
    shown = [one for one in load_data_sets().values() if one.fold != "none" and subject in one.column_names]
    place = {name: number for number, name in enumerate(ORDER)}
    sections = []
    for data_set in sorted(shown, key=lambda one: (place.get(one.name, len(ORDER)), one.name)):
        query = sql.SQL("select * from {} where {} = %s order by {}").format(
            sql.SQL("serving.{}(%s)").format(sql.Identifier(f"{data_set.name}_as_of")),
            sql.Identifier(subject),
            sql.SQL(", ").join(sql.Identifier(name) for name in data_set.key),
        )
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, (day, value)).fetchall()
        hidden = set(HIDDEN) - ({"loan_id"} if subject == "borrower_id" else set())
        told = [[(k, v) for k, v in row.items() if k not in hidden and v is not None] for row in rows]
        if told:
            sections.append(Section(data_set, told))
    return sections


def _of_borrower(connection: psycopg.Connection, day: date, touch: Sequence[Any]) -> list[Section]:
    """What is known of the loan's borrower and stands in no row of a loan."""
    if touch[3] is None:
        return []
    found = sections_of(connection, day, "borrower_id", touch[3])
    return [section for section in found if "loan_id" not in section.data_set.column_names]


def _lines(settings: Settings, run_id: str, loan_id: str) -> list[Line]:
    """The last delivered lines about the loan in each source, of the batches that the run had pinned."""
    with reading(settings, TRANSFORMER) as connection:  # only who loads and computes may read what was delivered
        return [
            Line(f"{contract.system}.{contract.table}", *row)
            for contract in load_contracts()
            if "loan_id" in [column.name for column in contract.columns]
            for row in _lines_of(connection, contract, run_id, loan_id)
        ]


def _lines_of(connection: psycopg.Connection, contract: Contract, run_id: str, loan_id: str) -> Iterable[Any]:
    query = sql.SQL(
        "select source._business_date, source._known_date, file.file_name, source._line_no "
        "from raw.{table} as source "
        "join ops.run_input as input on input.batch_id = source._batch_id and input.run_id = %(run_id)s "
        "left join lateral (select min(load_file.file_name) as file_name from ops.load_file "
        "where load_file.batch_id = source._batch_id having count(*) = 1) as file on true "
        "where source.loan_id = %(loan_id)s "
        "order by source._business_date desc, source._batch_id desc, source._line_no desc limit %(shown)s"
    ).format(table=sql.Identifier(contract.raw_name))
    return connection.execute(query, {"run_id": run_id, "loan_id": loan_id, "shown": LINES_SHOWN}).fetchall()


def _day(connection: psycopg.Connection, shown: date, run_id: str, loan_id: str) -> Day:
    found = connection.execute(STORY, {"day": shown, "run_id": run_id, "loan_id": loan_id}).fetchone()
    return Day(shown, *(found or ("-", 0, "-", None, None, None, None, None)))


def _touch_text(code: str, texts: dict[str, tuple[str, str]], settings: Settings) -> str:
    """A reason of the touched set in words: of the catalogue, or, for a source, of its contract."""
    is_chinese = settings.language.startswith("zh")
    if f"touched_{code}" in texts:
        return texts[f"touched_{code}"][0 if is_chinese else 1]
    for contract in load_contracts():
        if contract.raw_name == code:
            told = contract.title["zh" if is_chinese else "en"]
            return f"{told}有变化" if is_chinese else f"a row of it is new or gone: {told}"
    return code
