"""Deliveries may arrive in any order: what a run of any date sees in the end is the same.

The expected state is computed by a plain fold over the deliveries, day by day, with nothing of the landing's code.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from include.errors import LateDeliveryError
from include.jobs.land import land
from include.landing import delivery_encoding
from include.landing.contract import Contract, System, contracts_of
from include.landing.delivery_writer import write_delivery
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.landing_rows import create_raw_tables, forget_everything, seen_by_a_run

FIRST_DAY = date(2026, 1, 1)
DAYS = 5
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
LAST_KNOWN = LAST_DAY + timedelta(days=4)
# more of them: ORDER_EXAMPLES=500 pytest tests/faults/test_deliveries_any_order.py
EXAMPLES = int(os.environ.get("ORDER_EXAMPLES", "12"))


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


@dataclass(frozen=True)
class Sent:
    """One delivery: the values of its keys."""

    business_date: date
    content: dict[str, int]
    known_date: date | None = None
    replaces: str = "delivery"

    @property
    def kind(self) -> str:
        return "correction" if self.known_date else "daily"

    @property
    def known_on(self) -> date:
        return self.known_date or self.business_date


@dataclass(frozen=True)
class Source:
    """A table of one value for each key, and what a full delivery of it means by a key that is gone."""

    delivery: str
    vanished: str = "error"
    has_units: bool = False


def expected(source: Source, deliveries: list[Sent], business_date: date, known_date: date) -> dict[str, object]:
    """The state on a business date for somebody who knows up to ``known_date``."""
    current: dict[str, object] = {}
    for number in range(DAYS):
        if day(number) > business_date:
            break
        todays = [sent for sent in deliveries if sent.business_date == day(number) and sent.known_on <= known_date]
        before = dict(current)
        for sent in sorted(todays, key=lambda sent: sent.known_on):
            if source.delivery == "full" and sent.replaces == "delivery":
                gone = {key: _vanished(value, source) for key, value in before.items() if key not in sent.content}
                current = {**gone, **sent.content}
            elif sent.kind == "correction" and sent.replaces == "delivery":
                current = {**before, **sent.content}
            else:
                current = {**current, **sent.content}
    return current


def _vanished(value: object, source: Source) -> object:
    return ("closed", value) if source.vanished == "close" and not isinstance(value, tuple) else value


def contract_for(source: Source) -> Contract:
    """A small contract: a key, a value, and a status that a closing record sets."""
    columns: list[dict[str, object]] = [
        {"name": "loan_id", "type": "text", "description": "key"},
        {"name": "amount", "type": "decimal(18,2)", "description": "value"},
        {"name": "status_code", "type": "text", "one_of": ["OPEN", "GONE"], "description": "status"},
        {"name": "known_date", "type": "date", "description": "date"},
    ]
    stated: dict[str, object] = {
        "system": "order_test",
        "table": "thing",
        "title": {"zh": "测试", "en": "test"},
        "description": "test",
        "delivery": source.delivery,
        "key": ["loan_id"],
        "touches": "loan",
        "control_column": "amount",
        "known_date_column": "known_date",
        "columns": columns,
    }
    if source.delivery == "full":
        stated["vanished"] = {"action": source.vanished, "max_share": 1.0}
        if source.vanished == "close":
            stated["vanished"]["set"] = {"status_code": "GONE"}  # type: ignore[index]  # a dict two lines up
    if source.has_units:
        columns.insert(1, {"name": "part_number", "type": "integer", "description": "part"})
        stated |= {"key": ["loan_id", "part_number"], "unit": ["loan_id"], "unit_order": ["part_number"]}
    return Contract.model_validate(stated)


def write(landing: Path, source: Source, sent: Sent) -> None:
    rows = []
    for key, value in sent.content.items():
        # a unit of as many rows as its value says: units that grow, shrink and change
        for part in range(1 + value % 3 if source.has_units else 1):
            row = {"loan_id": key, "amount": f"{value}.00", "status_code": "OPEN", "known_date": "2026-01-01"}
            rows.append({**row, "part_number": str(part + 1)} if source.has_units else row)
    names = ["loan_id", "amount", "status_code", "known_date", *(["part_number"] if source.has_units else [])]
    write_delivery(
        landing,
        "order_test",
        sent.business_date,
        {"thing": pd.DataFrame(rows, columns=names, dtype=object)},
        kind=sent.kind,
        known_date=sent.known_date,
        replaces=sent.replaces,
    )


@st.composite
def full_deliveries(draw: st.DrawFn, *, keys_may_vanish: bool) -> list[Sent]:
    names = ["A", "B", "C", "D"]
    values = st.integers(1, 3)
    start = draw(st.integers(1, 2))
    held = []
    for _ in range(DAYS):
        if keys_may_vanish:
            held.append(draw(st.sets(st.sampled_from(names), min_size=1)))
        else:
            start = max(start, draw(st.integers(1, len(names))))
            held.append(set(names[:start]))
    deliveries = [Sent(day(n), {key: draw(values) for key in sorted(held[n])}) for n in range(DAYS)]
    for _ in range(draw(st.integers(0, 3))):
        number = draw(st.integers(0, DAYS - 1))
        known = day(number) + timedelta(days=draw(st.integers(1, 4)))
        if any((sent.business_date, sent.known_date) == (day(number), known) for sent in deliveries):
            continue
        replaces = draw(st.sampled_from(["delivery", "keys"]))
        if keys_may_vanish:
            keys = draw(st.sets(st.sampled_from(names), min_size=1))
        elif replaces == "delivery":
            keys = held[number] if number == DAYS - 1 or draw(st.booleans()) else held[number + 1]
        else:
            keys = draw(st.sets(st.sampled_from(sorted(held[number])), min_size=1))
        deliveries.append(Sent(day(number), {key: draw(values) for key in sorted(keys)}, known, replaces))
    return deliveries


@st.composite
def delta_deliveries(draw: st.DrawFn) -> list[Sent]:
    names = ["A", "B", "C"]
    content = st.dictionaries(st.sampled_from(names), st.integers(1, 4), max_size=3)
    deliveries = [Sent(day(n), draw(content)) for n in range(DAYS)]
    for _ in range(draw(st.integers(0, 4))):
        number = draw(st.integers(0, DAYS - 1))
        known = day(number) + timedelta(days=draw(st.integers(1, 4)))
        if any((sent.business_date, sent.known_date) == (day(number), known) for sent in deliveries):
            continue
        deliveries.append(Sent(day(number), draw(content), known, draw(st.sampled_from(["delivery", "keys"]))))
    return deliveries


SOURCES = {
    "a full extract whose keys never vanish": (Source("full"), full_deliveries(keys_may_vanish=False)),
    "a full extract whose vanished keys are ignored": (
        Source("full", "ignore"),
        full_deliveries(keys_may_vanish=True),
    ),
    "a full extract whose vanished keys are closed": (Source("full", "close"), full_deliveries(keys_may_vanish=True)),
    "a delta of single rows": (Source("delta"), delta_deliveries()),
    "a delta of units": (Source("delta", has_units=True), delta_deliveries()),
}


@pytest.mark.parametrize("name", SOURCES)
def test_deliveries_in_any_order_of_arrival_end_in_the_same_state(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, strategy = SOURCES[name]
    contract = contract_for(source)
    create_raw_tables(settings, contract)
    _let_landing_know(contract, monkeypatch)

    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # to shrink a failure would take many minutes: each example lands for real
    )
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        deliveries = data.draw(strategy)
        arrival = data.draw(st.permutations(deliveries))
        _arrive(settings, contract, source, arrival)

    check()


def _correction(number: int, known: int, **content: int) -> Sent:
    return Sent(day(number), content, day(known))


ONCE_WRONG = {
    "what a correction withdraws is still there for those who do not know it": (
        "ignore",
        [_correction(1, 4, A=2), Sent(day(1), {"D": 1}), Sent(day(3), {"C": 1})],
    ),
    "a carried row is carried anew when what stands before it changes": (
        "ignore",
        [Sent(day(2), {"D": 2}), _correction(0, 3, B=2), Sent(day(0), {"C": 3}), Sent(day(1), {"B": 3})],
    ),
    "keys corrected late stand above a row carried for those who know more": (
        "close",
        [
            Sent(day(3), {"D": 3}),
            _correction(2, 6, C=2),
            Sent(day(2), {"B": 2}),
            Sent(day(3), {"C": 3}, day(4), "keys"),
        ],
    ),
    "a correction stands above a row carried for those who know as much": (
        "ignore",
        [Sent(day(3), {"C": 1}), _correction(2, 4, B=3), Sent(day(2), {"B": 2}), _correction(3, 4, B=1)],
    ),
    "what two corrections withdraw is as it was before both": (
        "delta",
        [Sent(day(2), {"C": 2}), Sent(day(0), {"C": 1}), _correction(0, 4), _correction(2, 3)],
    ),
}


@pytest.mark.parametrize("name", ONCE_WRONG)
def test_an_order_of_arrival_that_once_went_wrong(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule, arrival = ONCE_WRONG[name]
    source = Source("delta") if rule == "delta" else Source("full", rule)
    contract = contract_for(source)
    create_raw_tables(settings, contract)
    _let_landing_know(contract, monkeypatch)
    _arrive(settings, contract, source, arrival)


def _arrive(settings: Settings, contract: Contract, source: Source, arrival: list[Sent]) -> None:
    """Land after each arrival, then compare what runs of all dates and all knowledge see with the model."""
    forget_everything(settings, contract, settings.landing)
    for sent in arrival:
        write(settings.landing, source, sent)
        with suppress(LateDeliveryError):  # nothing is delivered for that day itself
            land(LAST_KNOWN, "order_test", settings)
    _compare(settings, contract, source, arrival)


def _compare(settings: Settings, contract: Contract, source: Source, deliveries: list[Sent]) -> None:
    columns = ["loan_id", "amount", "status_code"]
    with connect(settings, role="postloan_owner") as connection:
        for business in range(DAYS):
            for known in range(business, (LAST_KNOWN - FIRST_DAY).days + 1):
                wanted = expected(source, deliveries, day(business), day(known))
                rows = []
                for key, value in wanted.items():
                    amount, status = (value[1], "GONE") if isinstance(value, tuple) else (value, "OPEN")
                    rows += [(key, amount, status)] * (1 + amount % 3 if source.has_units else 1)
                found = [
                    (key, int(amount), status)
                    for key, amount, status in seen_by_a_run(connection, contract, day(business), day(known), columns)
                ]
                assert found == sorted(rows), f"business date {day(business)}, known {day(known)}"


def _let_landing_know(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(system="order_test", title={"zh": "测试", "en": "test"}, required=True, deadline="05:00")
    known = contracts_of
    monkeypatch.setattr(
        "include.landing.load.contracts_of",
        lambda name: {"thing": contract} if name == "order_test" else known(name),
    )
    monkeypatch.setattr(delivery_encoding, "_control_columns", lambda: {"thing": "amount"})
    monkeypatch.setattr("include.jobs.land.contracts_of", lambda name: {"thing": contract})
    monkeypatch.setattr("include.jobs.land.load_systems", lambda: {"order_test": system})
