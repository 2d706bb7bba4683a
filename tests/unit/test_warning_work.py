"""Lanes, treatments, days to respond by and priorities, by the policy that ships."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.policy import policy_records
from scoring.alerts import Handled
from scoring.bands import bands
from scoring.lanes import LanePolicy, lane_policy
from scoring.policy_rows import PolicyError
from scoring.priority import priority, priority_policy
from scoring.severity import SEVERITIES
from scoring.warning_work import borrower_route, warnings_with_work

TODAY, WORK_DATE = date(2026, 1, 8), date(2026, 1, 9)  # a Thursday
WORKDAYS = [WORK_DATE, date(2026, 1, 12), date(2026, 1, 13), date(2026, 1, 14), date(2026, 1, 15), date(2026, 1, 16),
            date(2026, 1, 19), date(2026, 1, 20), date(2026, 1, 21), date(2026, 1, 22)]  # fmt: skip
LANES = lane_policy(TODAY, policy_records("lane_routing"), policy_records("treatment"))
PRIORITIES = priority_policy(
    TODAY, policy_records("priority_factor"), bands(TODAY, policy_records("amount_band"), policy_records("term_band"))
)


def borrower(days_past_due: int = 0, *facts: str, live: int = 1, **more: Any) -> dict[str, Any]:
    oldest = TODAY - timedelta(days=days_past_due) if days_past_due else None
    return {"live_loan_count": live, "oldest_unpaid_due_date": oldest, "fact_codes": set(facts), **more}


@pytest.mark.parametrize(
    ("of", "lane", "owner"),
    [
        pytest.param(borrower(), "EARLY", "EARLY_WARNING", id="nothing is late"),
        pytest.param(borrower(1), "SELF_CURE", "REMINDERS", id="a day late"),
        pytest.param(borrower(7), "SELF_CURE", "REMINDERS", id="seven days late is still technical"),
        pytest.param(borrower(8), "COLLECTIONS", "COLLECTIONS", id="eight days are not"),
        pytest.param(borrower(180), "COLLECTIONS", "COLLECTIONS", id="half a year late"),
        pytest.param(borrower(181), "LEGAL", "LEGAL", id="more than half a year late"),
        pytest.param(borrower(200, "HARDSHIP"), "HARDSHIP", "CUSTOMER_CARE", id="hardship before any ladder step"),
        pytest.param(borrower(40, "VULNERABLE"), "HARDSHIP", "CUSTOMER_CARE", id="a vulnerable customer"),
        pytest.param(borrower(40, "DISPUTE"), "HARDSHIP", "CUSTOMER_CARE", id="a disputed debt"),
        pytest.param(borrower(40, "DECEASED"), "HARDSHIP", "CUSTOMER_CARE", id="a borrower who has died"),
        pytest.param(borrower(0, "LEGAL_HOLD"), "LEGAL", "LEGAL", id="in the hands of the legal department"),
        pytest.param(borrower(0, live=0), "CLOSED_WATCH", "RECOVERY", id="nothing is owed on a live loan"),
    ],
)
def test_every_borrower_has_one_lane_and_one_owner(of: dict, lane: str, owner: str) -> None:
    route = borrower_route(TODAY, of, LANES)
    assert (route.lane, route.owner) == (lane, owner)


def without(table: str, **values: str) -> list[dict[str, str]]:
    return [row for row in policy_records(table) if any(row[name] != value for name, value in values.items())]


def changed(table: str, where: str, **values: str) -> list[dict[str, str]]:
    return [row | values if where in row.values() else row for row in policy_records(table)]


@pytest.mark.parametrize(
    ("routing", "treatment", "says"),
    [
        pytest.param(
            without("lane_routing", lane_code="EARLY"), None, "0 days past due lead into no lane", id="a gap"
        ),
        pytest.param(
            without("lane_routing", lane_code="COLLECTIONS"), None, "8 days past due lead into no", id="a later gap"
        ),
        pytest.param(changed("lane_routing", "EARLY", fact_code="RICH"), None, "RICH is no fact", id="an unknown fact"),
        pytest.param(changed("lane_routing", "EARLY", lane_rank="1"), None, "same rank", id="two rows of one rank"),
        pytest.param(
            None, without("treatment", treatment_code="REMINDER"), "SELF_CURE with YELLOW has 0", id="no treatment"
        ),
        pytest.param(
            None, changed("treatment", "REMINDER", severity_codes="ANY"), "SELF_CURE with RED has 2", id="two of them"
        ),
        pytest.param(
            None, changed("treatment", "WATCH", channel_code="SMS"), "do not go together", id="a message that is none"
        ),
    ],
)  # fmt: skip
def test_a_policy_that_leaves_somebody_without_a_treatment_is_refused(
    routing: list | None, treatment: list | None, says: str
) -> None:
    with pytest.raises(PolicyError, match=says):
        lane_policy(TODAY, routing or policy_records("lane_routing"), treatment or policy_records("treatment"))


def test_a_lane_never_contacts_a_borrower_in_hardship_by_itself() -> None:
    assert {LANES.treatments["HARDSHIP", severity].work for severity in SEVERITIES} == {"DESK"}


def warning(loan_id: str = "L1", **changes: Any) -> dict[str, Any]:
    return {
        "loan_id": loan_id, "borrower_id": "B1", "severity": "ORANGE", "change": "NEW", "currency": "CNY",
        "delinquency_bucket": "M1", "past_due_amount": Decimal("2000.00"),
        "principal_outstanding_amount": Decimal("50000.00"), **changes,
    }  # fmt: skip


def worked(
    *rows: dict[str, Any], of: dict[str, Any] | None = None, base: dict | None = None, lanes: LanePolicy = LANES
) -> list[dict[str, Any]]:
    facts = of or borrower(10)
    routes = {"B1": borrower_route(TODAY, facts, lanes)}
    return warnings_with_work(
        rows, base or {}, {"B1": facts}, routes, {}, TODAY, WORKDAYS, Handled(), lanes, PRIORITIES
    )[0]


def test_all_loans_of_a_borrower_get_the_treatment_of_the_worst() -> None:
    both = worked(warning(), warning("L2", severity="RED"))
    assert {(row["lane_code"], row["treatment_code"]) for row in both} == {("COLLECTIONS", "REPAYMENT_PLAN")}


@pytest.mark.parametrize(
    ("change", "base", "respond_by"),
    [
        pytest.param("NEW", None, date(2026, 1, 13), id="three working days over a weekend"),
        pytest.param("SAME", ("COLLECTION_CALL", date(2026, 1, 9)), date(2026, 1, 9), id="the day stays"),
        pytest.param("SAME", ("COLLECTION_CALL", date(2026, 1, 5)), date(2026, 1, 5), id="also when it has passed"),
        pytest.param("SAME", ("REMINDER", date(2026, 1, 9)), date(2026, 1, 13), id="another treatment, another day"),
        pytest.param("UP", ("COLLECTION_CALL", date(2026, 1, 9)), date(2026, 1, 13), id="worse, and a new day"),
        pytest.param("REOPENED", None, date(2026, 1, 13), id="back on the list, and a new day"),
    ],
)
def test_the_day_to_respond_by_stands_while_treatment_and_severity_do(
    change: str, base: tuple | None, respond_by: date
) -> None:
    known = (
        {"L1": dict(zip(("treatment_code", "respond_by_date"), base, strict=True)) | {"attention_since_date": TODAY}}
        if base
        else {}
    )
    assert worked(warning(change=change), base=known)[0]["respond_by_date"] == respond_by


def points(row: dict[str, Any], of: dict[str, Any] | None = None, rate: Decimal | None = None) -> dict[str, Any]:
    facts = {"respond_by_date": None, "predicted_rate": rate} | row
    return priority(WORK_DATE, facts, of or {}, PRIORITIES)


def test_a_priority_is_the_product_of_its_parts_and_says_that_it_is_a_heuristic() -> None:
    found = points(warning())
    # 2,000 of the 200,000 that are a large loan; a first bucket; nobody has called yet; new
    assert found["priority_points"] == Decimal("1.5750")
    assert [found[name] for name in list(found)[1:]] == [
        Decimal("2000.00"), Decimal("0.1500"), Decimal("0.7000"), Decimal("1.5000"), "HEURISTIC",
    ]  # fmt: skip


def test_what_is_past_due_counts_and_where_nothing_is_what_is_outstanding() -> None:
    early = warning(past_due_amount=Decimal(0), delinquency_bucket="CURRENT")
    assert points(early)["priority_exposure_amount"] == Decimal("50000.00")


@pytest.mark.parametrize(
    ("change", "than"),
    [
        pytest.param({"severity": "RED"}, {}, id="worse"),
        pytest.param({"past_due_amount": Decimal(9000)}, {}, id="more past due"),
        pytest.param({}, {"change": "SAME"}, id="new"),
        pytest.param({"respond_by_date": date(2026, 1, 7)}, {}, id="overdue for a response"),
    ],
)
def test_what_is_worse_comes_first(change: dict, than: dict) -> None:
    assert points(warning(**change))["priority_points"] > points(warning(**than))["priority_points"]


@pytest.mark.parametrize(
    ("of", "factor"),
    [
        pytest.param({"last_right_party_contact_date": date(2025, 12, 20)}, "1.0000", id="spoken with lately"),
        pytest.param({"last_right_party_contact_date": date(2025, 10, 1)}, "0.7000", id="long ago"),
        pytest.param(
            {"last_right_party_contact_date": date(2025, 12, 20), "failed_attempt_count": 2},
            "0.4000",
            id="in vain since",
        ),
    ],
)
def test_who_can_be_reached_comes_first(of: dict, factor: str) -> None:
    assert points(warning(), of)["priority_reach_factor"] == Decimal(factor)


def test_a_promise_whose_day_has_not_passed_is_waited_for() -> None:
    waiting = points(warning(), {"open_promise_date": date(2026, 1, 12)})
    assert waiting["priority_urgency_factor"] == points(warning())["priority_urgency_factor"] / 2


def test_the_probability_of_a_valid_score_takes_the_place_of_the_table() -> None:
    assert points(warning(), rate=Decimal("0.333333"))["priority_roll_rate"] == Decimal("0.3333")


def test_a_currency_without_policy_has_no_points_and_says_so() -> None:
    found = points(warning(currency="XYZ"))
    assert (found["priority_points"], found["priority_status"]) == (None, "NO_CURRENCY_POLICY")
