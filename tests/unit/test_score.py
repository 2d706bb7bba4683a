"""What a scored loan says, and when it says only why it has no score."""

from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from models.card import Calibration, Card, CardFeature, SegmentCard
from models.points import calibrated, feature_points, points_of
from scoring.score import NO_MODEL_YET, NOT_VALIDATED, SCORED, score_loans, score_rows

NAN = float("nan")


def steps(name: str, thresholds: tuple[float, ...], points: tuple[int, ...], missing: int = 0) -> CardFeature:
    return CardFeature(name, "BORROWER", 1, name, name, thresholds, points, missing)


CURRENT = SegmentCard(
    ("CLEAN", "WITH_HISTORY"), 1000, 100, -22_000, Calibration(),
    (
        steps("late_count", (0, 1), (-3000, 4000, 9000)),
        steps("inquiry_count", (2,), (-500, 4000), missing=700),
        steps("utilisation_rate", (0.5, 0.9), (-100, 200, 300)),
        steps("overdue_elsewhere", (0,), (-10, 5000)),
        steps("salary_gap", (40,), (-10, 100)),
    ),
)  # fmt: skip
CARD = Card(
    "late30_in_90d", "2026.1", "late30_in_90d", 90, 7,
    MappingProxyType({"currency": ("CNY",), "product_code": ("CASH",)}), "SAMPLE_BANK", (CURRENT,),
)  # fmt: skip


def loan(loan_id: str = "L1", **facts: object) -> dict[str, object]:
    usual = {
        "loan_id": loan_id, "segment_code": "CLEAN", "currency": "CNY", "product_code": "CASH", "late_count": 0.0,
        "inquiry_count": 0.0, "utilisation_rate": 0.1, "overdue_elsewhere": 0.0, "salary_gap": 0.0,
    }  # fmt: skip
    return usual | facts


def score(*loans: dict[str, object], card: Card | None = CARD) -> list[dict[str, object]]:
    return score_loans(pd.DataFrame(list(loans)), "late30_in_90d", card).to_dict("records")  # type: ignore[return-value]


def test_a_loan_says_its_points_its_probability_and_the_four_worst_reasons_in_order() -> None:
    (row,) = score(loan(late_count=2, inquiry_count=3, utilisation_rate=1, overdue_elsewhere=1, salary_gap=50))
    assert row["score_status"] == SCORED
    assert row["score_points"] == -22_000 + 9000 + 4000 + 300 + 5000 + 100
    assert row["predicted_rate"] == Decimal("0.410960")  # 1 / (1 + e^0.36)
    reasons = [(row[f"reason_code_{n}"], row[f"reason_points_{n}"]) for n in range(1, 5)]
    assert reasons == [("late_count", 9000), ("overdue_elsewhere", 5000), ("inquiry_count", 4000),
                       ("utilisation_rate", 300)]  # fmt: skip


def test_what_speaks_for_a_loan_is_never_a_reason_and_fewer_than_four_stay_empty() -> None:
    (row,) = score(loan(inquiry_count=NAN))
    assert [row[f"reason_code_{n}"] for n in range(1, 5)] == ["inquiry_count", None, None, None]
    assert [row[f"reason_points_{n}"] for n in range(1, 5)] == [700, None, None, None]


def test_among_equal_points_the_feature_that_stands_first_on_the_card_is_named_first() -> None:
    (row,) = score(loan(late_count=1, inquiry_count=9))
    assert (row["reason_code_1"], row["reason_code_2"]) == ("late_count", "inquiry_count")
    assert row["reason_points_1"] == row["reason_points_2"] == 4000


@pytest.mark.parametrize(
    ("value", "points"),
    [(0.5, -100), (np.nextafter(0.5, 1), 200), (0.9, 200), (5, 300), (-5, -100), (NAN, 0)],
)
def test_a_value_on_a_threshold_belongs_to_the_band_below_it(value: float, points: int) -> None:
    feature = CURRENT.features[2]
    assert feature_points(feature, np.array([value])).tolist() == [points]


def test_without_an_approved_card_every_loan_says_that_there_is_no_model_yet() -> None:
    (row,) = score(loan(), card=None)
    assert row["score_status"] == NO_MODEL_YET
    assert {row[name] for name in ("predicted_rate", "score_points", "reason_code_1", "card_sha256")} == {None}


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"currency": "NGN"}, id="another currency"),
        pytest.param({"product_code": "CARD"}, id="another product"),
        pytest.param({"product_code": None}, id="an unknown product"),
        pytest.param({"segment_code": None}, id="more than ninety days late"),
        pytest.param({"segment_code": "LATE"}, id="a segment that was never trained"),
    ],
)
def test_a_loan_outside_the_population_of_the_card_has_no_probability(facts: dict) -> None:
    inside, outside = score(loan("L1"), loan("L2", **facts))
    assert (inside["score_status"], outside["score_status"]) == (SCORED, NOT_VALIDATED)
    assert {outside[name] for name in ("predicted_rate", "score_points", "reason_code_1")} == {None}
    assert outside["card_sha256"] == CARD.sha256


def test_every_row_says_when_its_outcome_will_be_known_and_carries_the_watermark() -> None:
    (row,) = score(loan())
    assert row["outcome_known_days"] == 97  # ninety days, and a week until all of them is booked
    assert row["watermark"] == "SAMPLE_BANK"


def test_rows_come_in_order_of_loan_whatever_order_they_arrive_in() -> None:
    loans = [loan(f"L{number:02}", late_count=number % 3, inquiry_count=number % 5) for number in range(40)]
    assert score(*loans) == score(*reversed(loans))
    assert [row["loan_id"] for row in score(*reversed(loans))] == sorted(row["loan_id"] for row in loans)


def test_a_calibrated_card_keeps_the_order_of_loans() -> None:
    segment = replace(CURRENT, calibration=Calibration(1500, 800_000))
    rows = [loan(f"L{number}", late_count=number) for number in range(3)]
    before = [row["score_points"] for row in score(*rows)]
    after = [row["score_points"] for row in score(*rows, card=replace(CARD, segments=(segment,)))]
    assert after == [1500 + points * 8 // 10 for points in before]


def test_a_card_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="scored is other"):
        score_loans(pd.DataFrame([loan()]), "other", CARD)


def test_blocks_give_what_a_plain_sort_of_all_contributions_gives() -> None:
    """The daily score works in blocks and packed numbers; here each row is sorted by itself."""
    random = np.random.default_rng(3)
    features = tuple(
        steps(f"f{n}", tuple(range(12)), tuple(sorted(random.integers(-9000, 9000, 13).tolist())), missing=n * 10 - 100)
        for n in range(20)
    )
    segment = replace(CURRENT, features=features)
    count = 20_000
    columns = {f"f{n}": np.where(random.random(count) < 0.1, NAN, random.normal(6, 5, count)) for n in range(20)}
    made = score_rows(segment, columns, count)
    each = np.stack([feature_points(feature, columns[feature.name]) for feature in features], axis=1)
    assert (made.points == calibrated(points_of(segment, columns, count), segment.calibration)).all()
    order = np.argsort(-each, axis=1, kind="stable")[:, :4]
    worst = np.take_along_axis(each, order, axis=1)
    assert (made.reason_points == np.where(worst > 0, worst, 0)).all()
    assert (made.reason_places == np.where(worst > 0, order, -1)).all()
