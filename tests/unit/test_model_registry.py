"""Which version scores on a date, and which it must not be."""

from dataclasses import replace
from datetime import date

import pytest

from models.registry import (
    Entry,
    RegistryError,
    challengers_on,
    champion_on,
    entry_from_row,
    in_use_from,
    refuse_bad_registry,
)

MODEL = "late30_in_90d"
STATES = ("DRAFT", "VALIDATED", "APPROVED", "CHAMPION")


def entry(state: str = "CHAMPION", first: int = 4, last: int | None = None, **changes: object) -> Entry:
    made = Entry(
        MODEL, "2026.1", "ab" * 32, state, "Li Lei", "Han Meimei", "Wang Fang", date(2027, 1, 1),
        date(2026, 1, first), None if last is None else date(2026, 1, last),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def a_life(**changes: object) -> list[Entry]:
    """Draft, validated, approved on the first three days of the year, champion from the fourth."""
    steps = [entry(state, day, day) for day, state in enumerate(STATES[:3], start=1)]
    return [replace(step, **changes) for step in [*steps, entry(valid_to=date(2026, 12, 31))]]  # type: ignore[arg-type]


def test_a_version_that_came_its_whole_way_past_three_people_scores_from_its_date_on() -> None:
    life = a_life()
    refuse_bad_registry(life)
    assert champion_on(life, MODEL, date(2026, 1, 3)) is None
    found = champion_on(life, MODEL, date(2026, 1, 4))
    assert found is not None
    assert found.version == "2026.1"


def test_without_a_registry_there_is_no_model_yet() -> None:
    refuse_bad_registry([])
    assert champion_on([], MODEL, date(2026, 1, 4)) is None


def test_a_champion_scores_no_longer_than_until_its_review() -> None:
    life = a_life()
    assert champion_on(life, MODEL, date(2026, 12, 31)) is not None
    assert champion_on(life, MODEL, date(2027, 1, 1)) is None
    for too_long in (None, date(2027, 1, 2)):
        with pytest.raises(RegistryError, match="review date"):
            refuse_bad_registry([*life[:3], replace(life[3], valid_to=too_long)])


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"validator": "Li Lei"}, id="the author validates"),
        pytest.param({"approver": "Li Lei"}, id="the author approves"),
        pytest.param({"approver": "Han Meimei"}, id="the validator approves"),
        pytest.param({"approver": "li  lei"}, id="the author approves in small letters"),
        pytest.param({"validator": " "}, id="nobody validated"),
        pytest.param({"approver": ""}, id="nobody approved"),
        pytest.param({"author": ""}, id="nobody wrote it"),
    ],
)
def test_author_validator_and_approver_are_three_people(changes: dict) -> None:
    with pytest.raises(RegistryError):
        refuse_bad_registry(a_life(**changes))


@pytest.mark.parametrize("left_out", STATES[:3])
def test_no_step_before_champion_may_be_left_out(left_out: str) -> None:
    with pytest.raises(RegistryError, match="after"):
        refuse_bad_registry([step for step in a_life() if step.state != left_out])


def test_two_champions_on_one_date_are_refused_and_one_after_the_other_is_not() -> None:
    second = [replace(step, version="2026.2") for step in a_life()]
    with pytest.raises(RegistryError, match="champion on the same date"):
        refuse_bad_registry([*a_life(), *second])
    first = [*a_life()[:3], entry(last=31)]
    second[3] = replace(second[3], valid_from=date(2026, 2, 1))
    refuse_bad_registry([*first, *second])
    march = champion_on([*first, *second], MODEL, date(2026, 3, 1))
    january = champion_on([*first, *second], MODEL, date(2026, 1, 20))
    assert (march and march.version, january and january.version) == ("2026.2", "2026.1")


def test_a_changed_card_under_the_same_version_is_refused() -> None:
    life = a_life()
    with pytest.raises(RegistryError, match="new version"):
        refuse_bad_registry([*life[:3], replace(life[3], card_sha256="cd" * 32)])


def test_two_states_of_a_version_on_one_date_are_refused() -> None:
    life = a_life()
    with pytest.raises(RegistryError, match="same date"):
        refuse_bad_registry([*life[:2], replace(life[2], valid_to=None), life[3]])


def test_a_row_with_a_bad_date_or_an_unknown_state_is_named() -> None:
    row = {"model_code": MODEL, "model_version": "2026.1", "card_sha256": "ab" * 32, "state": "CHAMPION", "author": "a",
           "validator": "b", "approver": "c", "review_by_date": "2027-01-01", "valid_from": "2026-01-01",
           "valid_to": ""}  # fmt: skip
    assert entry_from_row(row).valid_to is None
    with pytest.raises(RegistryError, match=r"late30_in_90d 2026\.1"):
        entry_from_row(row | {"valid_from": "1.1.2026"})
    with pytest.raises(RegistryError, match="BEST"):
        entry_from_row(row | {"state": "BEST"})


def a_shadow_life() -> list[Entry]:
    """Draft and validated on the first two days of the year, in shadow from the third, champion from February on."""
    nobody = {"approver": ""}
    steps = [entry("DRAFT", 1, 1, **nobody), entry("VALIDATED", 2, 2, **nobody), entry("CHALLENGER", 3, 31, **nobody)]
    return [*steps, entry(valid_from=date(2026, 2, 1), valid_to=date(2026, 12, 31))]


def test_a_challenger_is_validated_but_approved_by_nobody_and_is_no_champion() -> None:
    life = a_shadow_life()
    refuse_bad_registry(life)
    assert [one.version for one in challengers_on(life, MODEL, date(2026, 1, 20))] == ["2026.1"]
    assert champion_on(life, MODEL, date(2026, 1, 20)) is None
    assert challengers_on(life, MODEL, date(2026, 2, 1)) == []
    with pytest.raises(RegistryError, match="no validator"):
        refuse_bad_registry([*life[:2], replace(life[2], validator="")])


def test_a_version_is_in_use_from_its_first_day_in_shadow_on() -> None:
    life = a_shadow_life()
    assert in_use_from(life, MODEL, "2026.1") == date(2026, 1, 3)
    assert in_use_from(life[:2], MODEL, "2026.1") is None
    assert in_use_from(a_life(), MODEL, "2026.1") == date(2026, 1, 4)
