"""What a model may never look at."""

import pytest

from models.features import Feature, FeatureError, feature_from_row, refuse_unfit


def a_feature(**changes: object) -> Feature:
    usual = {"name": "late_count_6m", "origin": "BORROWER", "direction": 1, "zh": "逾期", "en": "late"}
    return Feature(**(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"name": "visit_count", "origin": "LENDER"}, "what the lender did", id="our own visits"),
        pytest.param({"name": "gender"}, "protected attribute", id="gender"),
        pytest.param({"name": "marital_status_code"}, "protected attribute", id="marital status"),
        pytest.param({"name": "borrower_age_band"}, "protected attribute", id="age under another name"),
    ],
)
def test_a_model_refuses_what_the_lender_did_and_what_the_law_protects(changes: dict, complaint: str) -> None:
    refuse_unfit([a_feature()])
    with pytest.raises(FeatureError, match=complaint):
        refuse_unfit([a_feature(), a_feature(**({"name": "other"} | changes))])


def test_a_feature_may_have_the_word_age_inside_another_word() -> None:
    refuse_unfit([a_feature(name="average_balance_amount"), a_feature(name="usage_rate")])


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "OURS"}, {"direction": 2}, {"zh": " "}, {"en": ""}, {"edges": (3.0, 1.0)}, {"edges": (1.0, 1.0)},
        {"edges": (float("nan"),)}, {"name": "Late Count"},
    ],
)  # fmt: skip
def test_a_declaration_that_says_less_than_it_must_is_refused(changes: dict) -> None:
    with pytest.raises(FeatureError):
        a_feature(**changes)


def test_the_same_feature_cannot_be_declared_twice_and_a_model_reads_at_least_one() -> None:
    with pytest.raises(FeatureError, match="twice"):
        refuse_unfit([a_feature(), a_feature()])
    with pytest.raises(FeatureError, match="without features"):
        refuse_unfit([])


def test_a_policy_row_becomes_a_feature_with_its_edges() -> None:
    row = {"feature_code": "days_since_late", "origin": "BORROWER", "direction": "-1", "edges": "0;30; 90",
           "text_zh": "近期曾逾期", "text_en": "late not long ago"}  # fmt: skip
    assert feature_from_row(row).edges == (0.0, 30.0, 90.0)
    with pytest.raises(FeatureError, match="have to be numbers"):
        feature_from_row(row | {"edges": "0;soon"})
