"""The step score on a published book, with an approved card, a wrong one and none; and how a card is trained on it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import psycopg
import pytest

from include.errors import RefusedError
from include.jobs import score as job
from include.jobs import train as train_job
from include.jobs.open_run import open_run
from include.jobs.rebuild import rebuild
from include.jobs.training_rows import ModelPolicy, TrainingRows
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.runs import load_run
from models.card import Calibration, Card, CardFeature, SegmentCard, read_card
from models.labels import label
from models.points import calibrated, points_of, probability
from models.registry import CHAMPION
from tests.support.days import compute, land_all
from tests.support.small_bank import HISTORY_TO, day, small_bank

MODEL = "late30_in_90d"
STEPS = CardFeature("late_count_180d", "BORROWER", 1, "多次逾期", "late often", (0.0, 1.0), (-2000, 3000, 8000), 0)
SALARY = CardFeature("days_since_salary", "BORROWER", 1, "工资停发", "no salary", (2.0,), (-500, 1500), 400)
SEGMENTS = ("CURRENT_CLEAN", "CURRENT_WITH_HISTORY", "LATE_1_30")
CARD = Card(
    MODEL, "2026.1", MODEL, 90, 7,
    MappingProxyType({"currency": ("CNY",), "product_code": ("CASH", "CONSUMER")}), "SAMPLE_BANK",
    (SegmentCard(SEGMENTS, 900, 210, -20_000, Calibration(), (STEPS, SALARY)),),
)  # fmt: skip
OF_DAY = """
    select score.*, feature.product_code, feature.late_count_180d, feature.days_since_salary,
        feature.days_past_due as days_band, feature.late_days_max_ever as ever_band, position.days_past_due,
        position.max_ended_past_due_ever_days
    from serving.loan_score_as_of(%(day)s) as score
    join serving.loan_feature_as_of(%(day)s) as feature on feature.loan_id = score.loan_id
    join serving.loan_position_as_of(%(day)s) as position on position.loan_id = score.loan_id
"""


@dataclass
class Bank:
    """A book published on two dates by a champion; ``url``: of one who may change policy rows under way."""

    settings: Settings
    url: str
    cards: Path


@pytest.fixture(scope="module")
def bank(server, template_warehouse, tmp_path_factory) -> Iterator[Bank]:
    server.create_database("score", template=template_warehouse)
    settings = server.settings_for("score", tmp_path_factory.mktemp("score"))
    made = Bank(settings, server.facts.url("postgres", "score"), tmp_path_factory.mktemp("cards"))
    book = small_bank(60, 5)
    book.write_history(settings.landing, HISTORY_TO)
    book.write_day(settings.landing, day(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "CARDS_DIR", made.cards)
        land_all(HISTORY_TO, settings)
        open_run(HISTORY_TO, settings)  # brings the policies into the warehouse
        approve(made, CARD)
        compute(HISTORY_TO, settings)
        land_all(day(1), settings)
        compute(day(1), settings)
        yield made
    server.drop_database("score")


def approve(bank: Bank, card: Card, **changes: str) -> None:
    """The card in its folder and its way through the registry, as policy rows of the warehouse."""
    folder = bank.cards / card.model_code / card.version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.json").write_text(card.text, encoding="utf-8")
    said = {"author": "Li Lei", "validator": "Han Meimei", "approver": "Wang Fang", "sha256": card.sha256} | changes
    with psycopg.connect(bank.url) as connection:
        connection.execute("delete from ref.model_registry")
        for number, state in enumerate(("DRAFT", "VALIDATED", "APPROVED", CHAMPION)):
            first = date(2025, 1, 1) + timedelta(days=number)
            connection.execute(
                "insert into ref.model_registry (model_code, model_version, card_sha256, state, author, validator, "
                "approver, review_by_date, valid_from, valid_to) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (card.model_code, card.version, said["sha256"], state, said["author"], said["validator"],
                 said["approver"], date(2027, 1, 1), first, date(2026, 12, 31) if state == CHAMPION else first),
            )  # fmt: skip


def of_day(bank: Bank, on: date) -> list[dict]:
    with connect(bank.settings) as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(OF_DAY, {"day": on}).fetchall()


def live_loans(bank: Bank, on: date) -> int:
    with connect(bank.settings) as connection:
        statement = "select count(*) from serving.loan_position_as_of(%s) where is_live"
        return connection.execute(statement, (on,)).fetchone()[0]


def test_every_live_loan_has_one_score_row_that_says_what_it_is(bank: Bank) -> None:
    rows = of_day(bank, day(1))
    assert len(rows) == live_loans(bank, day(1))
    for row in rows:
        inside = row["product_code"] in CARD.population["product_code"] and row["segment_code"] in SEGMENTS
        has_model = row["model_code"] == MODEL
        expected = "NO_MODEL_YET" if not has_model else "SCORED" if inside else "NOT_VALIDATED"
        assert row["score_status"] == expected, row
    assert {row["score_status"] for row in rows} == {"SCORED", "NOT_VALIDATED", "NO_MODEL_YET"}


def test_a_published_probability_is_the_one_of_the_card_for_the_published_features(bank: Bank) -> None:
    (segment,) = CARD.segments
    scored = [row for row in of_day(bank, day(1)) if row["score_status"] == "SCORED"]
    columns = {
        name: np.array([np.nan if row[name] is None else row[name] for row in scored], dtype=np.float64)
        for name in ("late_count_180d", "days_since_salary")
    }
    points = calibrated(points_of(segment, columns, len(scored)), segment.calibration)
    assert [row["score_points"] for row in scored] == points.tolist()
    assert [row["predicted_rate"] for row in scored] == [Decimal(f"{rate:.6f}") for rate in probability(points)]
    assert len(set(points.tolist())) > 2
    assert {row["outcome_known_date"] for row in scored} == {day(1) + timedelta(days=97)}
    assert {row["watermark"] for row in scored} == {"SAMPLE_BANK"}
    assert {row["reason_code_1"] for row in scored} >= {"late_count_180d"}


def test_features_count_the_days_that_the_position_counts_by_another_way(bank: Bank) -> None:
    with connect(bank.settings) as connection:
        edges = {
            code: [int(edge) for edge in listed.split(";")]
            for code, listed in connection.execute("select feature_code, edges from ref.feature")
        }
    rows = of_day(bank, day(1))
    for row in rows:
        worst = max(row["days_past_due"], row["max_ended_past_due_ever_days"])
        assert row["days_band"] == sum(row["days_past_due"] >= edge for edge in edges["days_past_due"])
        assert row["ever_band"] == sum(worst >= edge for edge in edges["late_days_max_ever"])
    assert len({row["days_band"] for row in rows}) > 2


def test_scores_of_the_touched_loans_equal_those_of_a_full_rebuild(bank: Bank) -> None:
    assert rebuild(day(1), bank.settings)[1] == []


def test_a_card_that_nobody_or_the_wrong_people_approved_is_refused(bank: Bank) -> None:
    for changes, complaint in (
        ({"approver": "li lei"}, "different people"),
        ({"validator": ""}, "no validator"),
        ({"sha256": "00" * 32}, "changed after its approval"),
    ):
        approve(bank, CARD, **changes)
        with connect(bank.settings, role="postloan_scorer") as one, pytest.raises(RefusedError, match=complaint):
            job.champions(one, day(1), bank.cards)
    approve(bank, CARD)
    (bank.cards / MODEL / CARD.version / "card.json").unlink()
    with connect(bank.settings, role="postloan_scorer") as connection, pytest.raises(RefusedError, match=r"card\.json"):
        job.champions(connection, day(1), bank.cards)


def test_without_an_approved_card_no_loan_has_a_probability_and_the_day_goes_on(bank: Bank) -> None:
    with psycopg.connect(bank.url) as connection:
        connection.execute("delete from ref.model_registry")
    run_id, differences = rebuild(day(1), bank.settings)
    # the list says so, and tiers and plans that rested on a probability rest on the delinquency again
    found = {difference.data_set for difference in differences}
    assert {"loan_score", "warning_list"} <= found
    assert found <= {
        "loan_score",
        "warning_list",
        "risk_tier",
        "revisit_plan",
        "revisit_assignment",
        "contact_suppression",
        "work_item",
    }
    with connect(bank.settings, role="postloan_scorer") as connection:
        rows = connection.execute(
            "select score_status, count(*), count(predicted_rate) from published.loan_score "
            "where run_id = %s group by 1",
            (run_id,),
        ).fetchall()
    assert rows == [("NO_MODEL_YET", live_loans(bank, day(1)), 0)]


def published_run(bank: Bank) -> str:
    with connect(bank.settings) as connection:
        rows = connection.execute(
            "select distinct run_id from ops.publication where business_date = %s", (day(1),)
        ).fetchall()
    return rows[0][0]


def test_a_book_with_too_few_bads_has_no_model_and_says_how_many_there_were(bank: Bank) -> None:
    made = train_job.train(published_run(bank), bank.settings, model_code=MODEL, version="2026.2", author="Li Lei")
    assert made["status"] == "TOO_FEW_BADS"
    assert 0 < made["bads_training"] < 200
    assert made["training"] > 0
    assert made["not_mature"] > 0
    assert not (bank.settings.exports / "models").exists()


def invented_rows(run_id: str, model_code: str, policy: ModelPolicy, settings: Settings) -> TrainingRows:
    """A book large enough to learn from: a year of month-ends, the risk a formula of two of the real features."""
    random = np.random.default_rng(12)
    months = pd.date_range("2025-03-31", "2026-03-10", freq="ME")
    frame = pd.DataFrame({"loan_id": [f"L{n:04}" for n in range(500)]}).merge(pd.DataFrame({"as_of": months}), "cross")
    frame["segment_code"] = random.choice(list(policy.segments), len(frame))
    frame["currency"], frame["product_code"] = "CNY", random.choice(["CASH", "CONSUMER"], len(frame))
    for feature in policy.features:
        frame[feature.name] = random.integers(0, 5, len(frame)).astype(np.float64)
    risk = 0.05 + 0.05 * frame["late_count_180d"] + 0.04 * frame["days_since_salary"]
    late = frame[random.random(len(frame)) < risk]
    told = {"loan_id": late["loan_id"], "event_code": "LATE", "event_date": late["as_of"] + pd.Timedelta(days=3)}
    with connect(settings, role="postloan_transformer") as connection:
        run = load_run(connection, run_id)
    cutoff = np.datetime64(run.business_date)
    return TrainingRows(run, frame, label(frame, pd.DataFrame(told), horizon_days=90, settlement_days=7, cutoff=cutoff))


def test_a_trained_version_is_a_draft_with_its_evidence_and_the_hash_that_people_approve(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_job, "training_rows", invented_rows)
    asked = {"model_code": MODEL, "version": "2026.2", "author": "Li Lei", "watermark": "TEST"}
    made = train_job.train(published_run(bank), bank.settings, **asked)
    assert made["status"] == "DRAFT", made
    folder = Path(made["folder"])
    card = read_card((folder / "card.json").read_text(encoding="utf-8"), made["card_sha256"])
    assert dict(card.population) == {"currency": ("CNY",), "product_code": ("CASH", "CONSUMER")}
    assert (card.horizon_days, card.settlement_days, card.watermark) == (90, 7, "TEST")
    assert sum(segment.rows for segment in card.segments) == made["training"]
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    learned, judged = (facts["windows"][name] for name in ("training", "out_of_time"))
    assert date.fromisoformat(learned[1]) + timedelta(days=97) <= date.fromisoformat(judged[0])
    assert date.fromisoformat(judged[1]) + timedelta(days=97) <= day(1)
    for language in ("zh", "en"):
        assert "2026.2" in (folder / f"card.{language}.md").read_text(encoding="utf-8")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    train_job.train(published_run(bank), bank.settings, **asked)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "the same rows, the same bytes"


def test_a_model_without_a_policy_is_refused_by_name(bank: Bank) -> None:
    with pytest.raises(RefusedError, match="churn has no row"):
        train_job.train(published_run(bank), bank.settings, model_code="churn", version="1", author="Li Lei")
