"""The month's work on models, on a book with planted lives: labels, drafts, judgement, review, watch and shadow."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from include.cli import app
from include.errors import RefusedError
from include.jobs import model_evaluate, model_monitor, model_month, score, train
from include.jobs.model_drafts import read_draft
from include.jobs.model_month import drafts_waiting, month_end_run, train_models
from include.jobs.model_review import REJECTED, model_review, next_steps
from include.jobs.training_rows import ModelPolicy, TrainingRows, model_policy, training_rows
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.settings import PROJECT_DIR, Settings
from include.warehouse.connection import connect
from models import boosting, metrics, monitor
from models.points import probability
from models.train import train_card
from models.trees import tree_points
from tests.support.days import compute, land_all

MONTH_END, NEXT_DAY = date(2025, 12, 31), date(2026, 1, 1)
MODEL, LONG_MODEL = "late30_in_90d", "default90_in_12m"
VERSIONS = ("2025.12", "2025.12-full")
SMALL_BOOKS = (MODEL, LONG_MODEL)
FEW_ROUNDS = boosting.Boosting(rounds=60, learning_rate=0.15)
IN_USE_FROM = date(2025, 7, 1)  # the month-ends of July and August have matured by the end of the year


@dataclass
class Month:
    """A book published at a month's end, and what training made of it. ``url``: of one who may change policy rows."""

    settings: Settings
    url: str
    cards: Path
    run_id: str
    trained: dict[str, Any]


ROWS: dict[tuple[str, str], TrainingRows] = {}


def asked_once(run_id: str, model_code: str, policy: ModelPolicy, settings: Settings, **_: Any) -> TrainingRows:
    """The real rows of a run and model; the run pins them, so every job is given the same ones."""
    if (run_id, model_code) not in ROWS:
        early = [days - 1 for days, _ in model_monitor.EARLY.values()]
        ROWS[run_id, model_code] = training_rows(run_id, model_code, policy, settings, also_exceeds=early)
    return ROWS[run_id, model_code]


@pytest.fixture(scope="module")
def month(server, template_warehouse, tmp_path_factory) -> Iterator[Month]:
    server.create_database("model_month", template=template_warehouse)
    settings = server.settings_for("model_month", tmp_path_factory.mktemp("model_month"))
    cards, url = tmp_path_factory.mktemp("cards"), server.facts.url("postgres", "model_month")
    bank = SampleBank(3, 900, date(2023, 1, 1), window_days=1_000, mix=STRESSED)
    bank.write_history(settings.landing, MONTH_END)
    bank.write_day(settings.landing, NEXT_DAY)
    with pytest.MonkeyPatch.context() as patch:
        for job in (score, model_monitor, model_evaluate):
            patch.setattr(job, "CARDS_DIR", cards)
        for job in (train, model_monitor, model_evaluate):
            patch.setattr(job, "training_rows", asked_once)
        patch.setattr(train, "train_card", partial(train_card, how=FEW_ROUNDS))
        patch.setattr(boosting, "fit_full", partial(boosting.fit_full, how=FEW_ROUNDS))
        land_all(MONTH_END, settings)
        run_id = compute(MONTH_END, settings, audited=False)
        with psycopg.connect(server.facts.url("postgres", "model_month")) as connection:  # a small book has few bads
            connection.execute(
                "update ref.model_label set least_bads = 80 where horizon_days = 365 or exceeds_days = 30"
            )
        trained = train_models(run_id, settings, watermark="SAMPLE_BANK")
        yield Month(settings, url, cards, run_id, trained)
    server.drop_database("model_month")


def ask(month: Month, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(month.url) as connection:
        return connection.execute(query, parameters).fetchall()


def rows_of(month: Month, model_code: str) -> tuple[ModelPolicy, TrainingRows]:
    policy = model_policy(model_code, MONTH_END, month.settings)
    assert policy is not None
    return policy, asked_once(month.run_id, model_code, policy, month.settings)


def test_every_segment_of_every_label_has_goods_and_bads_in_the_sample_bank(month: Month) -> None:
    labels = ask(month, "select model_code, exceeds_days, horizon_days from ref.model_label order by 1")
    assert {(exceeds, horizon) for _, exceeds, horizon in labels} == {(30, 90), (90, 90), (90, 365)}
    for model_code, *_ in labels:
        policy, found = rows_of(month, model_code)
        usable = found.labels.is_usable
        segment = found.frame["segment_code"].to_numpy(dtype=object)
        for name in policy.segments:
            outcome = found.labels.is_bad[usable & (segment == name)]
            assert 0 < outcome.sum() < len(outcome), f"{model_code} is decided beforehand in {name}"


def test_the_label_of_twelve_months_is_trained_like_the_others_and_scores_no_list(month: Month) -> None:
    assert month.trained["version"] == "2025.12"
    assert month.trained["models"][MODEL] == month.trained["models"][LONG_MODEL] == "DRAFT"
    card = read_draft(LONG_MODEL, "2025.12", month.settings).card
    assert (card.label_code, card.horizon_days, card.watermark) == (LONG_MODEL, 365, "SAMPLE_BANK")
    scored = ask(month, "select distinct model_code from published.loan_feature")
    assert {code for (code,) in scored} == {MODEL, "default90_in_90d", "POLICY_ONLY"}


def test_a_draft_carries_card_and_full_challenger_that_were_taught_by_the_same_rows(month: Month) -> None:
    draft = read_draft(MODEL, "2025.12", month.settings)
    assert draft.challenger.version == "2025.12-full"
    assert draft.challenger.segments == ("CURRENT_CLEAN", "CURRENT_WITH_HISTORY", "LATE_1_30")
    assert dict(draft.challenger.population) == dict(draft.card.population)
    assert (MODEL, "2025.12") in drafts_waiting(month.settings)


def test_a_draft_that_was_touched_after_training_is_refused(month: Month) -> None:
    path = month.settings.exports / "models" / MODEL / "2025.12" / "challenger.json"
    honest = path.read_bytes()
    path.write_bytes(honest.replace(b"SAMPLE_BANK", b"OUR_OWN_ONE"))
    with pytest.raises(RefusedError, match="changed since"):
        read_draft(MODEL, "2025.12", month.settings)
    path.write_bytes(honest)


def test_without_a_champion_the_draft_is_the_first_and_is_judged_on_rows_it_has_not_seen(month: Month) -> None:
    made = model_evaluate.model_evaluate(month.run_id, month.settings, model_code=MODEL, version="2025.12")
    assert made["verdict"] == "FIRST"
    assert set(made["areas"]) == {"draft", "draft, full"}
    assert 0.6 < made["areas"]["draft"] < 1
    facts = read_draft(MODEL, "2025.12", month.settings).facts
    assert made["rows"] == facts["population"]["out_of_time"]
    kept = json.loads((Path(made["folder"]) / "evaluation.json").read_text(encoding="utf-8"))
    assert (kept["verdict"], kept["window"]) == ("FIRST", facts["windows"]["out_of_time"])
    assert {part["slice"] for part in kept["figures"]["draft"]} >= {"all", "segment LATE_1_30"}


def review(month: Month, reviewer: str, **others: Any) -> dict[str, Any]:
    return model_review(month.run_id, month.settings, model_code=MODEL, version="2025.12", reviewer=reviewer, **others)


def test_whoever_trained_cannot_validate_and_nobody_is_no_reviewer(month: Month) -> None:
    with pytest.raises(RefusedError, match="different people"):
        review(month, "Model_Monthly")
    with pytest.raises(RefusedError, match="without a person"):
        review(month, "  ")
    assert ask(month, "select count(*) from ops.model_review") == [(0,)]


def test_an_approval_is_kept_with_its_person_and_puts_nothing_in_force(month: Month) -> None:
    kept = review(month, "Han Meimei")
    assert ask(month, "select reviewer, decision, model_version from ops.model_review") == [
        ("Han Meimei", "APPROVED", "2025.12")
    ]
    assert ask(month, "select count(*) from ref.model_registry") == [(0,)]
    told = [line.split(",") for line in kept["rows"].splitlines()]
    assert [(row[1], row[3], row[5]) for row in told] == [
        (version, state, "" if state == "DRAFT" else "Han Meimei")
        for version in ("2025.12", "2025.12-full")
        for state in ("DRAFT", "VALIDATED", "CHALLENGER")
    ]
    assert {row[6] for row in told} == {""}, "an approver is a third person, who has said nothing yet"
    assert min(row[8] for row in told) == "2026-01-01", "from the first date that is not published"
    assert kept["rows"] in next_steps(kept)
    with psycopg.connect(month.url) as connection, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute("update ops.model_review set reviewer = 'Somebody Else'")


def test_a_rejection_is_kept_and_offers_no_rows(month: Month) -> None:
    said = review(month, "Wang Fang", decision=REJECTED, remark="too few months")
    assert said["rows"] == ""
    kept = ask(month, "select decision, remark from ops.model_review where reviewer = 'Wang Fang'")
    assert kept == [("REJECTED", "too few months")]


def test_without_a_version_in_use_there_is_nothing_to_watch(month: Month) -> None:
    assert model_monitor.model_monitor(month.run_id, month.settings)["versions"] == {}
    assert month_end_run(date(2025, 12, 3), month.settings) == month.run_id
    with pytest.raises(RefusedError, match="2026-01-31 is not published"):
        month_end_run(date(2026, 1, 1), month.settings)


def register(month: Month, first: date) -> None:
    """The draft's card as champion and its full model as challenger from ``first`` on, as committed policy rows."""
    draft = read_draft(MODEL, "2025.12", month.settings)
    with psycopg.connect(month.url) as connection:
        connection.execute("delete from ref.model_registry")
        for scorer, last, files in (
            (draft.card, "CHAMPION", ("card.json", "training_shares.json")),
            (draft.challenger, "CHALLENGER", ("challenger.json", "challenger_shares.json")),
        ):
            folder = month.cards / MODEL / scorer.version
            folder.mkdir(parents=True, exist_ok=True)
            for name in files:
                (folder / name).write_bytes((draft.folder / name).read_bytes())
            states = ("DRAFT", "VALIDATED", "APPROVED", last)
            for number, state in enumerate(states):
                day = first - timedelta(days=len(states) - 1 - number)
                connection.execute(
                    "insert into ref.model_registry (model_code, model_version, card_sha256, state, author, validator, "
                    "approver, review_by_date, valid_from, valid_to) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    (MODEL, scorer.version, scorer.sha256, state, "Li Lei", "Han Meimei", "Wang Fang",
                     date(2026, 12, 31), day, date(2026, 12, 31) if state == last else day),
                )  # fmt: skip


Readings = dict[tuple[str, str, str, str], tuple[Any, ...]]


def watched(month: Month) -> Readings:
    model_monitor.model_monitor(month.run_id, month.settings)
    rows = ask(
        month,
        "select model_version, segment_code, measure_code, feature_code, value, n, bads, status_code, from_date, "
        "to_date from ops.model_monitor where run_id = %s",
        month.run_id,
    )
    return {row[:4]: row[4:] for row in rows}


@pytest.fixture(scope="module")
def readings(month: Month) -> Readings:
    register(month, IN_USE_FROM)
    return watched(month)


def test_performance_is_measured_on_matured_month_ends_since_the_version_scores(
    month: Month, readings: Readings
) -> None:
    policy, found = rows_of(month, MODEL)
    matured = found.labels.is_usable & (found.frame["as_of"] >= np.datetime64(IN_USE_FROM)).to_numpy()
    value, n, bads, status, first, last = readings["2025.12-full", "ALL", "AUC", ""]
    assert (n, bads) == (int(matured.sum()), int(found.labels.is_bad[matured].sum()))
    assert (first, last, status) == (date(2025, 7, 31), date(2025, 8, 31), "OK")
    trees = read_draft(MODEL, "2025.12", month.settings).challenger
    columns = {name: found.frame[name].to_numpy(dtype=np.float64)[matured] for name in trees.features}
    area = metrics.auc(found.labels.is_bad[matured], probability(tree_points(trees, columns, int(matured.sum()))))
    assert float(value) == pytest.approx(area, abs=1e-6)
    parts = [readings["2025.12", segment, "AUC", ""][1] for segment in policy.segments]
    assert sum(parts) == readings["2025.12", "ALL", "AUC", ""][1] == n


def test_drift_is_measured_on_the_whole_live_book_of_the_last_month_end(month: Month, readings: Readings) -> None:
    (live,) = ask(
        month, "select count(*) from published.loan_feature where run_id = %s and model_code = %s", month.run_id, MODEL
    )[0]
    drift = {key: row for key, row in readings.items() if key[2] == "PSI_SCORE"}
    assert {version for version, *_ in drift} == {"2025.12", "2025.12-full"}
    by_card = [row[1] for (version, *_), row in drift.items() if version == "2025.12"]
    assert sum(by_card) == live, "a month-end's run computes every live loan, and every one of them is measured"
    assert {row[4] for row in drift.values()} == {MONTH_END}
    features = [key for key in readings if key[2] == "PSI_FEATURE"]
    assert len(features) > 5 and all(feature for *_, feature in features)


def test_ranks_and_early_reads_speak_before_outcomes_are_known(month: Month, readings: Readings) -> None:
    stable = readings["2025.12", "ALL", "RANK_STABILITY", ""]
    assert float(stable[0]) > 0.5 and stable[1] > 100 and stable[2] is None
    early, matured = readings["2025.12", "ALL", "EARLY_5_30", ""], readings["2025.12", "ALL", "AUC", ""]
    assert early[1] > matured[1] and early[5] > matured[5], "a short window is over sooner"


def test_a_version_that_has_just_begun_says_not_mature_and_not_that_all_is_well(
    month: Month, readings: Readings
) -> None:
    register(month, date(2025, 12, 1))
    found = watched(month)
    for measure in ("AUC", "KS", "CAPTURE_10", "OBSERVED_TO_EXPECTED", "EARLY_5_30", "EARLY_30_60"):
        assert found["2025.12", "ALL", measure, ""][:4] == (None, 0, 0, "NOT_MATURE")
    assert found["2025.12", "ALL", "RANK_STABILITY", ""] == readings["2025.12", "ALL", "RANK_STABILITY", ""]
    assert len(found) == len(readings), "measured again, in place of the earlier readings"
    register(month, IN_USE_FROM)


def test_the_command_line_watches_lists_and_reviews(
    month: Month, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.settings.load_settings", lambda: month.settings)
    monkeypatch.setattr(model_month, "CARDS_DIR", month.cards)

    def typed(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["model", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    watched_now = typed("monitor", "--date", "2025-12-31")
    worst = [monitor.worst_status(row[3] for key, row in readings.items() if key[0] == version) for version in VERSIONS]
    for version, status in zip(VERSIONS, worst, strict=True):
        assert f"{MODEL} {version}  {status}" in watched_now
    listed = typed("list", "--date", "2025-12-31").splitlines()
    assert f"{MODEL}  2025.12  CHAMPION  {worst[0]}" in listed
    assert f"{MODEL}  2025.12-full  CHALLENGER  {worst[1]}" in listed
    assert any(line.startswith(f"{MODEL}  2025.12  draft in") for line in listed)
    asked = ("review", MODEL, "--version", "2025.12", "--reviewer", "Zhao Yun", "--date", "2025-12-31", "--reject")
    assert "nothing is to be done" in typed(*asked)
    assert "NOT_BETTER" in typed("evaluate", MODEL, "--version", "2025.12", "--date", "2025-12-31")


def test_a_champion_is_compared_with_a_draft_on_the_same_rows(month: Month, readings: Readings) -> None:
    made = model_evaluate.model_evaluate(month.run_id, month.settings, model_code=MODEL, version="2025.12")
    assert made["areas"]["champion"] == made["areas"]["draft"], "the champion is the draft's own card here"
    assert made["verdict"] == "NOT_BETTER"


def test_a_challenger_scores_the_champions_loans_in_shadow_and_no_list_reads_it(
    month: Month, readings: Readings
) -> None:
    land_all(NEXT_DAY, month.settings)
    run_id = compute(NEXT_DAY, month.settings)
    rows = ask(
        month,
        "select loan_id, score_status, score_points, predicted_rate, model_version, watermark "
        "from published.loan_score_shadow where run_id = %s order by loan_id",
        run_id,
    )
    of_champion = ask(
        month,
        "select loan_id, model_version from published.loan_score where run_id = %s and model_code = %s order by 1",
        run_id,
        MODEL,
    )
    assert [row[0] for row in rows] == [loan_id for loan_id, _ in of_champion]
    assert {version for _, version in of_champion} == {"2025.12"}
    assert {(row[1], row[4], row[5]) for row in rows} == {("SCORED", "2025.12-full", "SAMPLE_BANK")}
    trees = read_draft(MODEL, "2025.12", month.settings).challenger
    features = ask(
        month,
        f"select {', '.join(trees.features)} from published.loan_feature "
        "where run_id = %s and model_code = %s order by loan_id",
        run_id,
        MODEL,
    )
    values = np.array(features, dtype=np.float64)
    points = tree_points(trees, {name: values[:, place] for place, name in enumerate(trees.features)}, len(values))
    assert [row[2] for row in rows] == points.tolist()
    assert [row[3] for row in rows] == [Decimal(f"{rate:.6f}") for rate in probability(points)]
    with connect(month.settings) as connection:
        assert connection.execute("select count(*) from serving.loan_score_shadow").fetchone()[0] >= len(rows)


def test_only_the_score_step_and_its_audit_know_the_shadow_scores() -> None:
    folders = ("dags", "include", "scoring", "models", "expectations", "dbt_project/models", "dbt_project/macros")
    knowing = {
        path.relative_to(PROJECT_DIR).as_posix()
        for folder in folders
        for path in (PROJECT_DIR / folder).rglob("*")
        if path.suffix in {".py", ".sql", ".yml"} and "loan_score_shadow" in path.read_text(encoding="utf-8")
    }
    assert knowing == {
        "dbt_project/models/marts/loan_score_shadow.yml",
        "expectations/loan_score_shadow.py",
        "include/jobs/score.py",
        "include/warehouse/compare.py",
    }
