"""Who works what: the cheapest assignment, checked against every possible one, and what it promises to people."""

import itertools
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.policy import policy_records
from scoring import flow
from scoring.assignment import CAPACITY_COLUMNS, CONFLICT_COLUMNS, ITEM_COLUMNS, OFFICER_COLUMNS, Outcome, assign
from scoring.assignment_policy import AssignmentPolicy, assignment_policy
from scoring.eligibility import Kind, Officer, eligible
from scoring.policy_rows import PolicyError

DAY = date(2026, 3, 2)
NAMES = ("assignment_price", "assignment_role", "assignment_skill", "assignment_reach", "assignment_reason")


def policy(**prices: int) -> AssignmentPolicy:
    rows = {name: policy_records(name) for name in NAMES}
    rows["assignment_price"] = [
        row | {"price": str(prices.get(row["price_code"], row["price"]))} for row in rows["assignment_price"]
    ]
    return assignment_policy(DAY, rows)


POLICY = policy()


def item(number: int = 1, **changes: object) -> dict[str, object]:
    row = {
        "item_id": f"V{number:03d}", "borrower_id": f"B{number:03d}", "channel_layer": "VOICE",
        "purpose_code": "REVISIT", "region_code": "N", "language_code": None, "fact_codes": None, "risk_tier": "LOW",
        "due_date": DAY, "is_hard_due": False, "previous_officer_id": None, "holder_officer_id": None,
    }  # fmt: skip
    return row | changes


def officer(name: str, calls: int = 5, visits: int = 0, **changes: object) -> dict[str, object]:
    row = {
        "officer_id": name, "role_code": "CALL" if calls else "FIELD", "region_code": "N", "skill_codes": None,
        "language_codes": None, "borrower_id": None, "is_active": True, "calls": calls, "visits": visits,
    }  # fmt: skip
    return row | changes


def outcome(
    items: list[dict[str, object]],
    officers: list[dict[str, object]],
    conflicts: list[tuple[str, str]] | None = None,
    rules: AssignmentPolicy = POLICY,
    day: date = DAY,
) -> Outcome:
    slots = [
        (one["officer_id"], layer, one[column])
        for one in officers
        for layer, column in (("VOICE", "calls"), ("FIELD", "visits"))
    ]
    return assign(
        day,
        pd.DataFrame(items, columns=list(ITEM_COLUMNS), dtype=object),
        pd.DataFrame(officers, columns=list(OFFICER_COLUMNS), dtype=object),
        pd.DataFrame(slots, columns=list(CAPACITY_COLUMNS), dtype=object),
        pd.DataFrame(conflicts or [], columns=list(CONFLICT_COLUMNS), dtype=object),
        rules,
    )


def chosen(*args: object, **kwargs: object) -> dict[str, str | None]:
    rows = outcome(*args, **kwargs).assigned
    return dict(zip(rows.item_id, rows.officer_id, strict=True))


def codes(*args: object, **kwargs: object) -> list[str]:
    return list(outcome(*args, **kwargs).assigned.assignment_code)


# ---------------------------------------------------------------- against every possible assignment

REGIONS, TIERS = st.sampled_from(["N", "S"]), st.sampled_from(["LOW", "HIGH"])
KNOWN, FACTS = st.sampled_from([None, "U1", "U2"]), st.sampled_from([None, "HARDSHIP"])
SMALL_ITEMS = st.lists(
    st.tuples(REGIONS, TIERS, st.integers(0, 4), KNOWN, FACTS),
    min_size=1, max_size=5,
)  # fmt: skip
SMALL_OFFICERS = st.lists(
    st.tuples(REGIONS, st.integers(0, 3), st.sampled_from([None, "HARDSHIP"])), min_size=1, max_size=3
)


@settings(max_examples=60, deadline=None)
@given(some=SMALL_ITEMS, people=SMALL_OFFICERS, barred=st.sampled_from([None, ("U1", "B001"), ("U2", "B002")]))
def test_no_other_assignment_is_cheaper(some: list, people: list, barred: tuple[str, str] | None) -> None:
    items = [
        item(
            n,
            region_code=region,
            risk_tier=tier,
            due_date=DAY - timedelta(days=wait),
            previous_officer_id=known,
            fact_codes=fact,
        )
        for n, (region, tier, wait, known, fact) in enumerate(some, start=1)
    ]
    officers = [
        officer(f"U{n}", calls, region_code=region, skill_codes=skill, role_code="CALL")
        for n, (region, calls, skill) in enumerate(people, start=1)
    ]
    conflicts = [barred] if barred else []
    # prices close to each other, so that every one of them decides sometimes
    rules = policy(unserved_low=50, unserved_high=90, waiting_day=15, load_free_share=40, load_second_share=30)
    found = outcome(items, officers, conflicts, rules)
    assert (
        price_of(found.assigned, items, officers, rules)
        == found.objective
        == cheapest(items, officers, conflicts, rules)
    )


def price_of(assigned: pd.DataFrame, items: list[dict], officers: list[dict], rules: AssignmentPolicy) -> int:
    return total(tuple(assigned.officer_id), items, officers, [], rules)


def cheapest(items: list[dict], officers: list[dict], conflicts: list, rules: AssignmentPolicy) -> int:
    names = [None, *(one["officer_id"] for one in officers)]
    prices = (
        total(choice, items, officers, conflicts, rules) for choice in itertools.product(names, repeat=len(items))
    )
    return min(price for price in prices if price is not None)


def total(
    choice: tuple, items: list[dict], officers: list[dict], conflicts: list, rules: AssignmentPolicy
) -> int | None:
    """The price of one assignment, counted by hand; None: it is not allowed."""
    calls = {one["officer_id"]: one["calls"] for one in officers}
    load = Counter(name for name in choice if name)
    if any(load[name] > calls[name] for name in load):
        return None
    price = sum(
        segment_price
        for name, count in load.items()
        for segment_price in itertools.islice(
            (p for size, p in rules.load_segments(calls[name]) for _ in range(size)), count
        )
    )
    people = [Officer.of(one) for one in officers]
    for one, name in zip(items, choice, strict=True):
        may = eligible(Kind.of(one), people, rules)[0]
        if name is None:
            waited = (DAY - one["due_date"]).days
            price += rules.unserved_price(one["risk_tier"], waited, is_hard_due=one["is_hard_due"])
            continue
        if name not in may or (name, one["borrower_id"]) in conflicts:
            return None
        former = one["previous_officer_id"]
        is_there = former in may and calls[former] > 0
        price += may[name] + (rules.prices["change_of_officer"] if is_there and name != former else 0)
    return price


# ---------------------------------------------------------------- the same to the byte


def a_book(items: int, officers: int, seed: int = 1) -> tuple[list[dict], list[dict]]:
    random = np.random.default_rng(seed)
    people = [
        officer(f"U{n:03d}", int(random.integers(0, 9)), region_code=str(random.choice(["N", "S", "E"])),
                role_code="CALL", skill_codes=["HARDSHIP", "LARGE_LOANS", None][int(random.integers(0, 3))])
        for n in range(officers)
    ]  # fmt: skip
    work = [
        item(n, region_code=str(random.choice(["N", "S", "E"])),
             risk_tier=str(random.choice(["LOW", "MEDIUM", "HIGH", "CRITICAL"])),
             due_date=DAY - timedelta(days=int(random.integers(0, 9))),
             previous_officer_id=[None, f"U{random.integers(0, officers):03d}"][int(random.integers(0, 2))],
             fact_codes=[None, "HARDSHIP", "AMOUNT_LARGE"][int(random.integers(0, 3))])
        for n in range(items)
    ]  # fmt: skip
    return work, people


def test_the_order_of_items_and_officers_changes_nothing() -> None:
    items, officers = a_book(300, 40)
    first = outcome(items, officers).assigned.to_csv()
    for seed in (1, 2):
        shuffle = np.random.default_rng(seed).permutation
        mixed = [items[place] for place in shuffle(len(items))], [officers[place] for place in shuffle(len(officers))]
        assert outcome(*mixed).assigned.to_csv() == first


def test_choosing_among_equals_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two solves: with the hashes that choose, and without them."""
    items, officers = a_book(300, 40)
    with_hashes = outcome(items, officers)
    monkeypatch.setattr(flow, "LARGEST_SHIFT", len(items).bit_length())
    without = outcome(items, officers)
    assert with_hashes.objective == without.objective
    assert with_hashes.assigned.to_csv() != without.assigned.to_csv()


def test_costs_beyond_what_the_solver_can_count_are_an_error_and_no_wrong_answer() -> None:
    arcs = flow.Flow()
    arcs.add(0, 1, 1, 2**61)
    with pytest.raises(OverflowError):
        arcs.solve([1, -1])


# ---------------------------------------------------------------- what it promises


def test_nobody_is_given_more_than_the_day_holds() -> None:
    items, officers = a_book(300, 40)
    load = Counter(name for name in chosen(items, officers).values() if name)
    calls = {one["officer_id"]: one["calls"] for one in officers}
    assert all(load[name] <= calls[name] for name in load)
    assert sum(load.values()) == sum(calls.values())  # and none of it is left idle while work waits


def test_calls_and_visits_have_days_of_their_own() -> None:
    one = officer("U1", calls=1, visits=1, role_code="FIELD")
    field, voice = item(1, channel_layer="FIELD"), item(2)
    assert chosen([field, voice], [one, officer("U2")]) == {"V001": "U1", "V002": "U2"}


@pytest.mark.parametrize(
    ("changes", "people", "code"),
    [
        pytest.param({"purpose_code": "GIFT"}, [officer("U1")], "NO_ROLE", id="no role for the purpose"),
        pytest.param(
            {"channel_layer": "FIELD", "region_code": "S"},
            [officer("U1", 0, 5)], "NO_OFFICER_IN_REGION", id="nobody drives to another region",
        ),
        pytest.param({"fact_codes": "HARDSHIP"}, [officer("U1")], "NO_SKILL", id="relief asks for a skill"),
        pytest.param(
            {"language_code": "ug"}, [officer("U1", language_codes="zh-CN;en")], "NO_LANGUAGE", id="nobody speaks it"
        ),
        pytest.param({}, [officer("U1", borrower_id="B001")], "CONFLICT_OF_INTEREST", id="the officer is the borrower"),
        pytest.param({}, [officer("U1", 0, 0, role_code="CALL")], "NO_CAPACITY", id="the only one is absent"),
        pytest.param({}, [officer("U1", is_active=False)], "NO_ROLE", id="the only one has left"),
        pytest.param({"channel_layer": "SELF_SERVICE"}, [officer("U1")], "NO_NEED", id="the app needs nobody"),
        pytest.param({"fact_codes": "AMOUNT_LARGE"}, [officer("U1")], "CHOSEN", id="a skill that would be nice"),
        pytest.param({"region_code": "S"}, [officer("U1")], "CHOSEN", id="a call reaches every region"),
    ],
)  # fmt: skip
def test_what_is_not_given_to_anybody_says_why(changes: dict[str, object], people: list[dict], code: str) -> None:
    found = outcome([item(**changes)], people).assigned
    assert list(found.assignment_code) == [code]
    assert (found.officer_id[0] is None) == (code != "CHOSEN")
    assert found.reason_text_zh[0] and found.reason_text_en[0]


def test_a_conflict_moves_the_item_to_somebody_else() -> None:
    people = [officer("U1"), officer("U2", region_code="S")]
    assert chosen([item()], people) == {"V001": "U1"}
    assert chosen([item()], people, [("U1", "B001")]) == {"V001": "U2"}
    assert chosen([item(holder_officer_id="U1")], people, [("U1", "B001")]) == {"V001": "U2"}


def test_the_officer_of_the_last_visit_goes_again_unless_the_way_costs_more() -> None:
    people = [officer("U1"), officer("U2", region_code="S")]
    again = [item(previous_officer_id="U2")]
    assert chosen(again, people) == {"V001": "U2"}
    assert codes(again, people) == ["SAME_OFFICER"]
    assert chosen(again, people, rules=policy(other_region_voice=61)) == {"V001": "U1"}


def test_an_unworked_item_stays_with_its_holder_unless_absent_or_conflicted() -> None:
    held = [item(number, holder_officer_id="U2", previous_officer_id="U1") for number in (1, 2)]
    people = [officer("U1"), officer("U2", region_code="S")]
    assert codes(held, people, rules=policy(other_region_voice=1400)) == ["SAME_HOLDER"] * 2
    assert set(chosen(held, [people[0], officer("U2", 0, role_code="CALL")]).values()) == {"U1"}
    # the holder's day was cut to one item: the other goes on with a colleague and does not wait
    assert sorted(chosen(held, [people[0], officer("U2", 1, region_code="S")]).values()) == ["U1", "U2"]


def test_the_dearest_to_leave_is_served_first_and_what_must_be_done_above_all() -> None:
    one = [officer("U1", 1)]
    pair = [item(1, risk_tier="CRITICAL", due_date=DAY - timedelta(days=30)), item(2)]
    assert chosen(pair, one) == {"V001": "U1", "V002": None}
    assert chosen([pair[0], item(2, is_hard_due=True)], one) == {"V001": None, "V002": "U1"}


def test_work_is_shared_out_before_anybody_is_filled_up() -> None:
    items = [item(number) for number in range(14)]
    load = Counter(chosen(items, [officer("U1", 10), officer("U2", 10)]).values())
    assert set(load.values()) == {7}
    unfair = policy(load_second=0, load_last=0)
    assert sum(Counter(chosen(items, [officer("U1", 10), officer("U2", 10)], rules=unfair).values()).values()) == 14


def test_nothing_waits_for_ever_at_steady_load() -> None:
    """Six calls a day, six urgent new items a day, and one of no urgency that came when the day was full."""
    waiting: list[dict[str, object]] = [item(0)]
    longest = 0
    for step in range(60):
        today = DAY + timedelta(days=step)
        new = [item(1000 + step * 6 + n, risk_tier="CRITICAL", due_date=today) for n in range(6)]
        waiting = [*waiting, *new]
        served = {one for one, name in chosen(waiting, [officer("U1", 6)], day=today).items() if name}
        assert len(served) == 6
        waiting = [one for one in waiting if one["item_id"] not in served]
        longest = max([longest, *((today - one["due_date"]).days for one in waiting)])
    # from a low price to the highest: (16000 - 2000) / 500 = 28 days, and then it is the dearest of all
    assert 20 < longest <= 28


def test_a_price_that_is_missing_is_refused() -> None:
    rows = {name: policy_records(name) for name in NAMES}
    rows["assignment_price"] = [row for row in rows["assignment_price"] if row["price_code"] != "waiting_day"]
    with pytest.raises(PolicyError, match="waiting_day"):
        assignment_policy(DAY, rows)
