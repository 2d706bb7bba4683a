"""A small portfolio of one business date, written by hand and consistent in every rule: the clean state of the mutants.

The tables stand in schemas of their own (``x_candidate``, ``x_published``, ...), made from the contracts without their
constraints, so that a mutant may break what the real tables would refuse.
"""

import csv
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import yaml
from psycopg import sql

from expectations.scope import Scope
from include.settings import DBT_PROJECT_DIR, Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import DataSet, load_data_sets
from include.warehouse.migrate import ensure_partitions
from tests.integration import audit_example_borrowers as borrowers
from tests.integration import audit_example_quality as quality
from tests.integration import audit_example_revisits as revisits

TODAY, YESTERDAY = date(2026, 3, 10), date(2026, 3, 9)
RUN, BASE = "a" * 16, "b" * 16
SCHEMAS = ("x_candidate", "x_published", "x_staging", "x_intermediate", "x_ref", "x_ops")
SCOPE = Scope(
    run_id=RUN,
    business_date=TODAY,
    base_run_id=BASE,
    base_business_date=YESTERDAY,
    candidate="x_candidate",
    published="x_published",
    staging="x_staging",
    intermediate="x_intermediate",
    ref="x_ref",
    ops="x_ops",
)
CHAIN = (
    f"('{RUN}', 0, '{RUN}', '{TODAY}'), ('{RUN}', 1, '{BASE}', '{YESTERDAY}'), ('{BASE}', 0, '{BASE}', '{YESTERDAY}')"
)
POLICIES = ("delinquency_bucket", "months_on_book_band", "signal", "signal_severity", "severity_combination",
            "kpi_target", "list_band", *borrowers.POLICIES, "recon_tolerance", "recon_known_break", "gl_account",
            "risk_segment", "model_registry")  # fmt: skip
ZERO: dict[str, Any] = {"integer": 0, "numeric(18,2)": Decimal(0), "boolean": False, "text": "-"}


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def position(
    loan_id: str, borrower_id: str, *, past_due_days: int = 0, owed: str = "0", **facts: Any
) -> dict[str, Any]:
    """A live loan of 10,000 that owes ``owed`` since ``past_due_days``, unless ``facts`` say otherwise."""
    bucket = "CURRENT" if past_due_days == 0 else "M1" if past_due_days <= 30 else "M2" if past_due_days <= 60 else "M4"
    amount = Decimal(owed)
    return {
        "business_date": TODAY,
        "run_id": RUN,
        "loan_id": loan_id,
        "borrower_id": borrower_id,
        "product_code": "CASH",
        "channel_code": "APP",
        "branch_code": "B01",
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "repayment_method": "EQUAL_INSTALMENT",
        "principal_amount": Decimal(10000),
        "disbursement_date": date(2025, 10, 1),
        "loan_status": "ACTIVE",
        "is_live": True,
        "schedule_version": 1,
        "oldest_unpaid_due_date": days_ago(past_due_days) if past_due_days else None,
        "oldest_unpaid_due_date_original_schedule": days_ago(past_due_days) if past_due_days else None,
        "delinquency_bucket": bucket,
        "past_due_amount": amount,
        "oldest_unpaid_amount": amount,
        "principal_outstanding_amount": Decimal(6000),
        "paid_to_date_amount": Decimal(4000),
        "due_to_date_amount": Decimal(4000) + amount,
        "last_payment_date": days_ago(past_due_days + 20),
        "next_due_date": days_ago(-15),
        "current_spell_start_date": days_ago(past_due_days - 1) if past_due_days else None,
        "payment_habit_code": "ON_TIME",
        "months_on_book_band": "03-05",
        "changes_on": days_ago(-1),
        **facts,
    }


POSITIONS = [
    position("L01", "B1"),
    position("L02", "B1", past_due_days=5, owed="200.00"),
    position("L03", "B2", past_due_days=40, owed="350.55", oldest_unpaid_amount=Decimal("150.55")),
    position("L04", "B3", past_due_days=1, owed="299.00"),
    position(
        "L05", "B4", loan_status="PAID_OFF", is_live=False, principal_outstanding_amount=Decimal(0),
        paid_off_date=TODAY, next_due_date=None, changes_on=None,
    ),
    position("L06", "B5", max_ended_past_due_3m_days=3, max_ended_past_due_6m_days=3, max_ended_past_due_12m_days=9,
             max_ended_past_due_ever_days=9),
    # nothing touched this one since yesterday
    position("L07", "B6", business_date=YESTERDAY, run_id=BASE, principal_amount=Decimal(900000),
             principal_outstanding_amount=Decimal(900000)),
    position("L08", "B7", past_due_days=100, owed="80.00", principal_outstanding_amount=Decimal("80.00")),
    position("L09", "B8", past_due_days=95, owed="500.00", loan_status="CHARGED_OFF", is_live=False),
    position("L10", "B9", loan_status="PENDING", is_live=False, principal_outstanding_amount=Decimal(0),
             disbursement_date=days_ago(-3), months_on_book_band="NOT_YET"),
]  # fmt: skip


def signal(loan_id: str, code: str, severity: str, due: date, *, value: Decimal | None = None) -> dict[str, Any]:
    return {
        "business_date": TODAY, "run_id": RUN, "loan_id": loan_id, "signal_code": code, "severity": severity,
        "observed_value": value, "observed_date": due, "raise_threshold": Decimal(1), "clear_threshold": Decimal(1),
        "meets_raise": True, "meets_clear": False,
    }  # fmt: skip


SIGNALS = [
    signal("L02", "missed_instalment", "YELLOW", days_ago(5)),
    signal("L03", "missed_instalment", "RED", days_ago(40)),
    signal("L03", "partial_payment", "YELLOW", days_ago(40), value=Decimal(75)),
    signal("L04", "missed_instalment", "YELLOW", days_ago(1)),
    signal("L08", "missed_instalment", "RED_CRITICAL", days_ago(100)),
]


# (lane, owner, treatment) by loan: of the borrower
LANES = {
    "L02": ("SELF_CURE", "REMINDERS", "REMINDER"), "L03": ("COLLECTIONS", "COLLECTIONS", "REPAYMENT_PLAN"),
    "L04": ("SELF_CURE", "REMINDERS", "REMINDER"), "L08": ("COLLECTIONS", "COLLECTIONS", "INTENSIVE_COLLECTION"),
}  # fmt: skip
WORKED_TODAY = {"B2", "B3", "B7"}


def episode(loan_id: str, code: str, severity: str, opened: date, **changes: Any) -> dict[str, Any]:
    of_loan = next(one for one in POSITIONS if one["loan_id"] == loan_id)
    return {
        "business_date": TODAY, "run_id": RUN, "loan_id": loan_id, "signal_code": code, "branch_code": "B01",
        "borrower_id": of_loan["borrower_id"], "state_code": "OPEN", "severity": severity, "raised_since_date": opened,
        "opened_date": opened, "opened_days_past_due": 1, "opened_severity": "YELLOW", "last_opened_date": opened,
        "reopened_count": 0, **changes,
    }  # fmt: skip


CLOSED_TODAY = {"state_code": "CLOSED", "closed_date": TODAY, "kept_until_date": TODAY + timedelta(days=14)}
EPISODES = [
    episode("L02", "missed_instalment", "YELLOW", days_ago(4)),
    episode("L03", "missed_instalment", "RED", days_ago(39)),
    episode("L03", "partial_payment", "YELLOW", TODAY),
    episode("L04", "missed_instalment", "YELLOW", TODAY),
    episode("L05", "missed_instalment", "ORANGE", days_ago(9), closed_by="LOAN_NOT_LIVE", **CLOSED_TODAY),
    episode("L06", "missed_instalment", "YELLOW", days_ago(3), closed_by="SIGNALS_CLEARED", **CLOSED_TODAY),
    episode("L08", "missed_instalment", "RED_CRITICAL", days_ago(99)),
]
BASE_EPISODES = [
    one | {"business_date": YESTERDAY, "run_id": BASE, "state_code": "OPEN", "closed_date": None, "closed_by": None,
           "kept_until_date": None}
    for one in EPISODES if one["opened_date"] != TODAY
]  # fmt: skip


def listed(loan_id: str, severity: str, previous: str | None, change: str, since: date, codes: str) -> dict[str, Any]:
    of_loan = next(one for one in POSITIONS if one["loan_id"] == loan_id)
    copied = ("borrower_id", "product_code", "branch_code", "currency", "delinquency_bucket", "oldest_unpaid_due_date",
              "past_due_amount", "principal_outstanding_amount", "next_due_date")  # fmt: skip
    return {
        "business_date": TODAY, "run_id": RUN, "loan_id": loan_id, "severity": severity, "previous_severity": previous,
        "change": change, "listed_since_date": since, "signal_codes": codes, "score_status": "NO_MODEL_YET",
        "reason_text_zh": "自应还款日起逾期", "reason_text_en": "unpaid since it was due",
        **dict(zip(("lane_code", "lane_owner", "treatment_code"), LANES.get(loan_id, (None,) * 3), strict=True)),
        "is_work_today": of_loan["borrower_id"] in WORKED_TODAY, "priority_status": "HEURISTIC",
        "alert_status": "OPEN", "attention_since_date": since, "is_escalated": False,
        "priority_points": Decimal("1.5"), "priority_roll_rate": Decimal("0.15"),
        "priority_reach_factor": Decimal(1), "priority_urgency_factor": Decimal(1),
        "priority_exposure_amount": of_loan["past_due_amount"], **{name: of_loan[name] for name in copied},
    }  # fmt: skip


def of_base(loan_id: str, severity: str, since: date) -> dict[str, Any]:
    row = listed(loan_id, severity, severity, "SAME", since, "missed_instalment")
    return row | {"business_date": YESTERDAY, "run_id": BASE}


LISTED = [
    listed("L02", "YELLOW", "YELLOW", "SAME", days_ago(4), "missed_instalment"),
    listed("L03", "RED", "ORANGE", "UP", days_ago(39), "missed_instalment,partial_payment"),
    listed("L04", "YELLOW", None, "NEW", TODAY, "missed_instalment"),
    listed("L08", "RED_CRITICAL", "RED_CRITICAL", "SAME", days_ago(99), "missed_instalment"),
]
BASE_LISTED = [
    of_base("L02", "YELLOW", days_ago(4)),
    of_base("L03", "ORANGE", days_ago(39)),
    of_base("L05", "ORANGE", days_ago(9)),
    of_base("L06", "YELLOW", days_ago(3)),
    of_base("L08", "RED_CRITICAL", days_ago(99)),
]


def cleared(loan_id: str, borrower_id: str, severity: str, since: date, by: str) -> dict[str, Any]:
    return {
        "business_date": TODAY, "run_id": RUN, "loan_id": loan_id, "borrower_id": borrower_id,
        "last_severity": severity, "listed_since_date": since, "cleared_signal_codes": "missed_instalment",
        "cleared_by": by,
        "reason_text_zh": "预警信号均已解除", "reason_text_en": "all signals have ended",
    }  # fmt: skip


CLEARED = [
    cleared("L05", "B4", "ORANGE", days_ago(9), "LOAN_NOT_LIVE"),
    cleared("L06", "B5", "YELLOW", days_ago(3), "SIGNALS_CLEARED"),
]
LEDGER_PRINCIPAL = sum(
    one["principal_outstanding_amount"] for one in POSITIONS if one["loan_status"] in ("ACTIVE", "CHARGED_OFF")
)


def recon(source: str, compared: int, breaking: int, open_amount: str, ours: Decimal) -> dict[str, Any]:
    return {
        "business_date": TODAY, "run_id": RUN, "source_code": source, "measure_code": "principal_outstanding",
        "currency": "CNY", "status_code": "COMPARED", "data_as_of_date": TODAY, "owner_code": "FINANCE",
        "compared_count": compared, "agreeing_count": compared - breaking, "breaking_count": breaking,
        "known_break_count": 0, "not_compared_count": 1, "our_total_amount": ours, "their_total_amount": ours,
        "net_difference_amount": Decimal(0), "open_difference_amount": Decimal(open_amount),
        "total_tolerance_amount": Decimal(10000),
    }  # fmt: skip


BREAK = {
    "business_date": TODAY, "run_id": RUN, "source_code": "core_loan_balance", "subject_id": "L03",
    "measure_code": "principal_outstanding", "currency": "CNY", "our_amount": Decimal(6000),
    "their_amount": Decimal(5990), "difference_amount": Decimal(10), "first_seen_date": YESTERDAY,
    "compared_date": TODAY, "owner_code": "LOAN_ACCOUNTING",
}  # fmt: skip
# (segment, model) by days past due; L06 was late once
SEGMENTS = {
    "L01": ("CURRENT_CLEAN", "late30_in_90d"), "L02": ("LATE_1_30", "late30_in_90d"),
    "L03": ("LATE_31_90", "default90_in_90d"), "L04": ("LATE_1_30", "late30_in_90d"),
    "L06": ("CURRENT_WITH_HISTORY", "late30_in_90d"), "L07": ("CURRENT_CLEAN", "late30_in_90d"),
    "L08": ("LATE_OVER_90", "POLICY_ONLY"),
}  # fmt: skip
FEATURES = [
    {"business_date": one["business_date"], "run_id": one["run_id"], "loan_id": one["loan_id"],
     "product_code": one["product_code"], "currency": one["currency"], "segment_code": SEGMENTS[one["loan_id"]][0],
     "model_code": SEGMENTS[one["loan_id"]][1]}
    for one in POSITIONS if one["is_live"]
]  # fmt: skip
SCORES = [
    {name: feature[name] for name in ("business_date", "run_id", "loan_id", "segment_code", "model_code")}
    | {"score_status": "NO_MODEL_YET"}
    for feature in FEATURES
]
ROWS: dict[str, list[dict[str, Any]]] = {
    "recon_break": [BREAK, BREAK | {"business_date": YESTERDAY, "run_id": BASE, "compared_date": YESTERDAY}],
    "recon_summary": [
        recon("core_loan_balance", 9, 1, "10.00", Decimal(50000)),
        recon("gl_balance", 1, 0, "0.00", LEDGER_PRINCIPAL),
    ],
    "loan_position": POSITIONS,
    "use_of_proceeds_check": borrowers.checks(TODAY, RUN),
    "loan_feature": FEATURES,
    "loan_score": SCORES,
    "loan_signal": SIGNALS,
    "warning_episode": EPISODES + BASE_EPISODES,
    "warning_list": LISTED + BASE_LISTED,
    "warning_cleared": CLEARED,
    "touched_loan": [
        {"business_date": one["business_date"], "run_id": one["run_id"], "loan_id": one["loan_id"],
         "borrower_id": one["borrower_id"], "reason_codes": "changes_on", "is_carried": False}
        for one in POSITIONS
    ],
    "touched_borrower": [
        {"business_date": one["business_date"], "run_id": one["run_id"], "borrower_id": one["borrower_id"],
         "is_carried": False}
        for one in POSITIONS if one["loan_id"] != "L02"
    ],
    "signal_quality": quality.rows(TODAY, RUN),
    **revisits.rows(TODAY, RUN, POSITIONS),
}  # fmt: skip


def build(settings: Settings) -> None:
    """Create and fill the tables, as the owner of the database; the validator may read them and nothing else."""
    with connect(settings, role=None) as connection:
        for schema in SCHEMAS:
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
        for name in POLICIES:
            _load_policy(connection, "x_ref", name)
        for name, data_set in load_data_sets().items():
            columns = ", ".join(f"{column.name} {column.data_type}" for column in data_set.columns)
            connection.execute(f"create table x_published.{name} ({columns})")
        _fill(connection, "x_published", "x_staging")
        for data_set in load_data_sets().values():
            connection.execute(_candidate(data_set))
        connection.execute(
            "create table x_ops.run_chain"
            " (run_id text, depth int, ancestor_run_id text, ancestor_business_date date);"
            f"insert into x_ops.run_chain values {CHAIN}"
        )
        for statement in (
            "create table x_ops.run as select %(run)s::text as run_id, 'daily' as kind",
            "create table x_ops.run_source as select %(run)s::text as run_id, 'payments'::text as system,"
            " false as is_stale",
            "create table x_ops.run_input as select %(run)s::text as run_id, 7::bigint as batch_id",
            "create table x_ops.delivery_account as select 7::bigint as batch_id, 21 as rows_in, 1 as rows_loaded,"
            " 2 as rows_unchanged, 3 as rows_duplicate, 4 as rows_released, 5 as rows_discarded,"
            " 6 as rows_in_quarantine",
            "create table x_ops.load_batch as select 7::bigint as batch_id, 10.00 as control_total_in,"
            " 1.00 as control_total_loaded, 2.00 as control_total_unchanged, 3.00 as control_total_quarantined,"
            " 4.00 as control_total_duplicate",
        ):
            connection.execute(statement, {"run": RUN})
        for schema in SCHEMAS:
            connection.execute(
                f"grant usage on schema {schema} to postloan_validator;"
                f"grant select on all tables in schema {schema} to postloan_validator"
            )


def build_run(settings: Settings) -> None:
    """The same rows in the real tables: the base published, the run of today open and about to be audited."""
    with connect(settings, role="postloan_owner") as connection:
        ensure_partitions(connection, TODAY)
    with connect(settings, role="postloan_transformer") as connection:
        for name in POLICIES:
            _load_policy(connection, "ref", name)
    with connect(settings, role="postloan_owner") as connection:
        for run_id, day, status, base in ((BASE, YESTERDAY, "PUBLISHED", None), (RUN, TODAY, "OPEN", BASE)):
            connection.execute(
                "insert into ops.run (run_id, business_date, known_date, kind, is_keyframe, base_run_id, status,"
                " policy_hash, code_hash) values (%s, %s, %s, 'daily', %s, %s, %s, 'p', 'c')",
                (run_id, day, day, base is None, base, status),
            )
        connection.execute(f"insert into ops.run_chain values {CHAIN}")
        _fill(connection, "published", "staging", "set local role postloan_transformer")
        connection.execute("set local role postloan_owner")
        for name in load_data_sets():
            connection.execute("insert into ops.publication values (%s, %s, %s)", (YESTERDAY, name, BASE))
        connection.execute("update ops.run set is_sealed = true where run_id = %s", (BASE,))
        connection.execute("update ops.writer set run_id = %s, attempt = 1", (RUN,))


def _fill(connection: psycopg.Connection, published: str, staging: str, as_role: str = "") -> None:
    for name, rows in ROWS.items():
        for row in rows:
            _insert(connection, published, load_data_sets()[name], row)
    for name, query in (
        ("borrower_position", BORROWERS), ("borrower_profile", borrowers.PROFILES), ("kpi_portfolio_daily", CELLS),
        ("kpi_fund_use_daily", borrowers.CELLS),
    ):  # fmt: skip
        connection.execute(f"insert into {published}.{name} {query.format(published=published)}")
    connection.execute(as_role)
    connection.execute(
        f"create table {staging}.stg_core_banking__loan_contracts as select loan_id from {published}.loan_position"
    )
    for statement in revisits.STAGING:
        connection.execute(statement.format(staging=staging))
    connection.execute(
        f"create table {staging.replace('staging', 'intermediate')}.int_instalments as select loan_id,"
        " 1 as schedule_version, true as is_first, principal_amount as principal_due_amount,"
        " principal_amount as due_amount, principal_amount as cumulative_due_amount"
        f" from {published}.loan_position where loan_id = 'L01'"
    )


def as_keyframe() -> Scope:
    return replace(SCOPE, is_keyframe=True)


def _insert(connection: psycopg.Connection, schema: str, data_set: DataSet, row: dict[str, Any]) -> None:
    unknown = set(row) - set(data_set.column_names)
    assert not unknown, f"{data_set.name} has no column {unknown}"
    full = {
        column.name: row.get(column.name, ZERO.get(column.data_type) if column.is_required else None)
        for column in data_set.columns
    }
    places = ", ".join(["%s"] * len(full))
    connection.execute(f"insert into {schema}.{data_set.name} values ({places})", list(full.values()))


def _candidate(data_set: DataSet) -> str:
    """What readers would see: complete sets of this run only, the others of every loan whoever wrote it."""
    own = "" if data_set.fold.startswith("touched_") else f"where run_id = '{RUN}'"
    clocks = "".join(f"{formula} as {name}, " for name, formula in data_set.serving_columns.items())
    names = ", ".join(data_set.column_names)
    return (
        f"create table x_candidate.{data_set.name} as select as_of_date, {clocks}{names}"
        f" from (select date '{TODAY}' as as_of_date, * from x_published.{data_set.name} {own}) as folded"
    )


def _load_policy(connection: psycopg.Connection, schema: str, name: str) -> None:
    types = {}
    for path in (DBT_PROJECT_DIR / "seeds").rglob("*.yml"):
        for seed in yaml.safe_load(path.read_text(encoding="utf-8"))["seeds"]:
            types[seed["name"]] = seed["config"]["column_types"]
    path = DBT_PROJECT_DIR / "seeds" / "policy" / f"{name}.csv"
    with path.open(encoding="utf-8") as handle:
        header = next(csv.reader(handle))
    of_column = {"valid_from": "date", "valid_to": "date"} | types[name]
    columns = ", ".join(f"{column} {of_column[column]}" for column in header)
    connection.execute(f"drop table if exists {schema}.{name} cascade; create table {schema}.{name} ({columns})")
    with connection.cursor() as cursor, cursor.copy(f"copy {schema}.{name} from stdin (format csv, header)") as copy:
        copy.write(re.sub(r"\r\n", "\n", path.read_text(encoding="utf-8")))


CELLS = f"""
select date '{TODAY}', '{RUN}', product_code, channel_code, branch_code, currency, delinquency_bucket, count(*),
    sum(principal_outstanding_amount), sum(past_due_amount),
    sum(case when delinquency_bucket in ('CURRENT', 'M1') then 0 else principal_outstanding_amount end),
    sum(case when delinquency_bucket in ('CURRENT', 'M1', 'M2', 'M3') then 0 else principal_outstanding_amount end),
    0.015
from {{published}}.loan_position where is_live
group by product_code, channel_code, branch_code, currency, delinquency_bucket
"""
BORROWERS = """
select max(business_date), max(run_id), borrower_id, currency, count(*), count(*) filter (where is_live),
    count(*) filter (where is_live and oldest_unpaid_due_date is not null),
    coalesce(sum(principal_outstanding_amount) filter (where is_live), 0),
    coalesce(sum(past_due_amount) filter (where is_live), 0),
    min(oldest_unpaid_due_date) filter (where is_live),
    coalesce(max(delinquency_bucket) filter (where is_live and delinquency_bucket <> 'CURRENT'), 'CURRENT'), 0, false
from {published}.loan_position group by borrower_id, currency
"""
