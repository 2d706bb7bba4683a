"""What a validator is given, and on which rows a version is judged."""

import csv
import io
import json
from datetime import date

import numpy as np
import pytest

from include.settings import DBT_PROJECT_DIR
from models import boosting, evaluate
from models.card import Card, read_card
from models.evidence import Evidence, evidence_files
from models.train import predict, train_card
from tests.support.model_rows import recipe, rows

QUICK = boosting.Boosting(rounds=20, learning_rate=0.2)
LEARNED, JUDGED = rows(3000), rows(2000, seed=8)


def headings() -> dict[str, tuple[str, str]]:
    with (DBT_PROJECT_DIR / "seeds" / "policy" / "model_card_text.csv").open(encoding="utf-8", newline="") as handle:
        return {row["text_code"]: (row["text_zh"], row["text_en"]) for row in csv.DictReader(handle)}


@pytest.fixture(scope="module")
def card() -> Card:
    return train_card(recipe(watermark="SAMPLE_BANK"), LEARNED, QUICK)


@pytest.fixture(scope="module")
def evidence(card: Card) -> Evidence:
    slices = {
        "all": np.ones(len(JUDGED), dtype=np.bool_),
        "current": JUDGED.segment == "CURRENT",
        "nobody": np.zeros(len(JUDGED), dtype=np.bool_),
    }
    return Evidence(
        card,
        "Li Lei",
        {"training": (date(2025, 1, 31), date(2025, 6, 30)), "out_of_time": (date(2025, 7, 31), date(2025, 9, 30))},
        {"training": 3000, "out_of_time": 2000, "not_mature": 700, "excluded": 12},
        {"champion": evaluate.by_slice(JUDGED.is_bad, predict(card, JUDGED), slices)},
        evaluate.band_shares(card, LEARNED.columns, LEARNED.segment),
        evaluate.importance(card, LEARNED.columns, LEARNED.segment),
        {"on both lists": (180, 90)},
        {"scikit-learn": "1.9"},
    )


def test_the_evidence_holds_the_card_itself_and_the_hash_that_people_approve(card: Card, evidence: Evidence) -> None:
    files = evidence_files(evidence, headings())
    approved = files["card.sha256"].decode().split()[0]
    assert read_card(files["card.json"].decode(), approved).text == card.text
    facts = json.loads(files["facts.json"])
    assert (facts["card_sha256"], facts["author"]) == (approved, "Li Lei")
    assert facts["windows"]["out_of_time"] == ["2025-07-31", "2025-09-30"]


def test_every_figure_stands_beside_its_n_and_bads_and_an_empty_slice_is_not_mature(evidence: Evidence) -> None:
    table = list(csv.DictReader(io.StringIO(evidence_files(evidence, headings())["figures.csv"].decode())))
    (auc,) = [row for row in table if row["slice"] == "all" and row["metric"] == "auc"]
    assert (auc["rows"], auc["bads"]) == ("2000", str(int(JUDGED.is_bad.sum())))
    assert 0.6 < float(auc["value"]) < 0.9
    assert [row["metric"] for row in table if row["slice"] == "nobody"] == ["NOT_MATURE"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_card_for_people_shows_every_band_of_every_feature_in_their_language(
    evidence: Evidence, language: str
) -> None:
    text = evidence_files(evidence, headings())[f"card.{language}.md"].decode()
    for segment in evidence.card.segments:
        for feature in segment.features:
            assert (feature.zh if language == "zh" else feature.en) in text
            for points in (*feature.points, feature.missing_points):
                assert f"| {points:+,} |" in text
    assert headings()["WATERMARK"][0 if language == "zh" else 1] + " SAMPLE_BANK" in text
    assert evidence.card.sha256 in text


def test_the_same_version_gives_the_same_files_to_the_byte(evidence: Evidence) -> None:
    assert evidence_files(evidence, headings()) == evidence_files(evidence, headings())


def test_a_row_is_learned_from_only_if_its_whole_window_had_been_seen() -> None:
    as_of = np.array(["2025-01-31", "2025-03-31", "2025-06-30", "2025-07-31"], dtype="datetime64[D]")
    cutoff = np.datetime64("2025-07-06")
    learn, judge = evaluate.out_of_time(as_of, 90, 7, cutoff)
    assert learn.tolist() == [True, True, False, False]  # 31 March + 97 days is 6 July, the cut-off itself
    assert judge.tolist() == [False, False, False, True]
    assert not evaluate.known_by(as_of, 90, 8, cutoff)[1]


def test_a_book_that_has_not_moved_is_stable_and_one_that_fell_behind_is_not(card: Card) -> None:
    before = evaluate.band_shares(card, LEARNED.columns, LEARNED.segment)
    calm = evaluate.stability(before, evaluate.band_shares(card, JUDGED.columns, JUDGED.segment))
    assert max(calm.values()) < 0.1
    worse = dict(JUDGED.columns) | {"late_count_6m": JUDGED.columns["late_count_6m"] + 2}
    moved = evaluate.stability(before, evaluate.band_shares(card, worse, JUDGED.segment))
    assert moved["CURRENT/late_count_6m"] > 0.25
    assert moved["CURRENT/utilisation_rate"] == calm["CURRENT/utilisation_rate"]


def test_the_swap_set_counts_who_would_join_and_leave_the_list() -> None:
    is_bad = np.array([True, True, False, False, False, True, False, False, False, False])
    champion = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    challenger = np.array([0.9, 0.8, 0.1, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1, 0.1])
    parts = evaluate.swap_set(is_bad, champion, challenger, 0.3)
    assert parts == {"on both lists": (2, 2), "swapped out": (1, 0), "swapped in": (1, 1)}


def test_what_moves_the_score_most_is_what_was_planted_as_strongest(card: Card) -> None:
    weights = evaluate.importance(card, LEARNED.columns, LEARNED.segment)
    assert weights["LATE/late_count_6m"] > 3 * weights.get("LATE/noise", 0)
