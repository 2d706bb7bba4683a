"""Every system's deliveries twice, in any order, late, missing, half, miscounted, unfinished: faults D1 to D6.

One warehouse for nearly all of it: each test has dates of its own, delta tables have keys of their own, and full tables
always the same ones, so that nothing ever vanishes by accident.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
import yaml

from include.errors import DeliveryError, LateDeliveryError
from include.jobs.land import land, missing_systems
from include.landing.contract import Contract, contracts_of, load_systems
from include.landing.delivery_writer import write_delivery
from include.settings import CONTRACTS_DIR, Settings
from include.sources.manifests import write_manifest_of
from include.warehouse.connection import connect
from include.warehouse.roles import TRANSFORMER
from tests.support.good_rows import good_rows
from tests.support.landing_checks import Row
from tests.support.landing_rows import query, seen_by_a_run
from tests.support.source_systems import lender

SYSTEMS = sorted(name for name in load_systems() if load_systems()[name].cadence != "none")
every_system = pytest.mark.parametrize("system", SYSTEMS)
_number = count()
ROWS = 4


@pytest.fixture(scope="module")
def warehouse(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    server.create_database("sources_deliveries", template=template_warehouse)
    yield server.settings_for("sources_deliveries", tmp_path_factory.mktemp("home"))
    server.drop_database("sources_deliveries")


@pytest.fixture
def settings(server, template_warehouse: str, warehouse: Settings) -> Settings:
    return warehouse


@pytest.fixture(autouse=True)
def every_pull_is_lawful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ground of a pull is not what these tests are about: test_quarantine_inquiry.py."""
    monkeypatch.setattr("include.landing.load.judges_of", lambda *_: ())
    monkeypatch.setattr("include.jobs.land.has_own_delivery", lambda *_: True)


@pytest.fixture
def first_day(settings: Settings) -> Iterator[date]:
    """A date far from those of other tests; what the test delivered is gone from the landing folder afterwards."""
    yield date(2020, 1, 1) + timedelta(days=90 * next(_number))
    shutil.rmtree(settings.landing, ignore_errors=True)


def rows_of(contract: Contract, day: date, number: int = ROWS) -> list[Row]:
    """The whole of a full table, or rows of a delta table whose keys no other date uses."""
    return good_rows(contract, number, first=1 if contract.delivery == "full" else 10 * day.toordinal())


def deliver(settings: Settings, system: str, day: date, changed: dict[str, list[Row]] | None = None, **options) -> Path:
    tables = {}
    for table, contract in contracts_of(system).items():
        rows = (changed or {}).get(table, rows_of(contract, day))
        tables[table] = pd.DataFrame(rows, columns=[column.name for column in contract.columns], dtype=object)
    return write_delivery(settings.landing, system, day, tables, **options)


def counts(settings: Settings, system: str) -> list[tuple[object, ...]]:
    return query(
        settings,
        "select table_name, kind, business_date, known_date, rows_in, rows_loaded, rows_unchanged from ops.load_batch "
        "where system = %s order by 1, 2, 3, 4, 5",
        system,
    )


def refused(settings: Settings, system: str, day: date) -> str:
    before = counts(settings, system)
    with pytest.raises(DeliveryError) as error:
        land(day, system, settings)
    assert counts(settings, system) == before, "nothing of it is in the warehouse"
    assert error.value.next_command
    return str(error.value)


@every_system
def test_a_delivery_that_comes_twice_or_under_another_file_name_lands_once(
    system: str, settings: Settings, first_day: date
) -> None:
    manifest = deliver(settings, system, first_day)
    first = land(first_day, system, settings)
    assert sum(batch.rows_in for batch in first.batches) == ROWS * len(contracts_of(system))
    assert land(first_day, system, settings).batches == ()
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    for table in stated["tables"]:
        for file in table["files"]:
            renamed = file["name"].replace(".csv", "-again.csv")
            (manifest.parent / file["name"]).rename(manifest.parent / renamed)
            file["name"] = renamed
    manifest.write_text(json.dumps(stated), encoding="utf-8")
    assert land(first_day, system, settings).batches == ()


@every_system
def test_new_content_for_a_landed_date_is_refused_until_it_is_called_a_correction(
    system: str, settings: Settings, first_day: date
) -> None:
    deliver(settings, system, first_day)
    land(first_day, system, settings)
    fewer = {table: rows_of(contract, first_day)[1:] for table, contract in contracts_of(system).items()}
    deliver(settings, system, first_day, fewer)
    assert "Landed rows never change: deliver a correction" in refused(settings, system, first_day)
    deliver(settings, system, first_day)
    known = first_day + timedelta(days=1)
    deliver(settings, system, first_day, kind="correction", known_date=known)
    if load_systems()[system].required:
        deliver(settings, system, known)
    batches = [batch for batch in land(known, system, settings).batches if batch.kind == "correction"]
    assert {batch.rows_unchanged for batch in batches if batch.part == "delivered"} == {ROWS}


ANY_ORDER = ("bureau", "contact_center", "customer")
_first_state: list[object] = []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=["as it should be", "reversed", "mixed"])
def test_dates_that_come_in_any_order_end_in_the_same_state(
    order: tuple[int, ...], server, template_warehouse: str, tmp_path: Path
) -> None:
    name = f"sources_any_order_{'_'.join(map(str, order))}"
    server.create_database(name, template=template_warehouse)
    settings = server.settings_for(name, tmp_path)
    days = [date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)]
    for position in order:
        for system in ANY_ORDER:
            tables = {}
            for table, contract in contracts_of(system).items():
                rows = rows_of(contract, days[0])
                if position and contract.delivery == "full":
                    rows[position]["region_code"] = f"moved on day {position}"
                tables[table] = rows if contract.delivery == "full" else rows[position : position + 2]
            deliver(settings, system, days[position], tables)
            land(days[position], system, settings)
    state = [effect(settings, contract, days[-1]) for system in ANY_ORDER for contract in contracts_of(system).values()]
    _first_state.append(state)
    assert state == _first_state[0]
    assert [len(rows) for rows in state] == [ROWS] * len(state)
    server.drop_database(name)


def land_what_is_there(day: date, system: str, settings: Settings) -> None:
    try:
        land(day, system, settings)
    except LateDeliveryError:
        assert load_systems()[system].required


def effect(settings: Settings, contract: Contract, day: date) -> list[tuple[object, ...]]:
    """What a run of the day would see of the table: keys, and the date of delivery or the column that moves."""
    moving = ["region_code"] if contract.delivery == "full" else ["_business_date"]
    with connect(settings, role=TRANSFORMER) as connection:
        return seen_by_a_run(connection, contract, day, day, [*contract.key, *moving])


@pytest.mark.parametrize(("system", "days"), [*((system, 7) for system in SYSTEMS), ("bureau", 40), ("customer", 1)])
def test_a_late_delivery_is_landed_by_the_date_that_finds_it(
    system: str, days: int, settings: Settings, first_day: date
) -> None:
    deliver(settings, system, first_day)
    later = first_day + timedelta(days=days)
    if load_systems()[system].required:
        deliver(settings, system, later)
    landed = {batch.business_date for batch in land(later, system, settings).batches}
    assert first_day.isoformat() in landed


@every_system
def test_a_missing_delivery_stops_the_day_only_where_it_is_required(
    system: str, settings: Settings, first_day: date
) -> None:
    (settings.landing / system).mkdir(parents=True, exist_ok=True)
    if load_systems()[system].required:
        with pytest.raises(LateDeliveryError, match=f"the delivery of {system} for {first_day} has not come"):
            land(first_day, system, settings)
    else:
        assert not land(first_day, system, settings).is_complete
    assert (system in missing_systems(first_day, settings)) is (load_systems()[system].cadence == "daily")


FULL = [
    (contract.system, contract.table)
    for system in SYSTEMS
    for contract in contracts_of(system).values()
    if contract.delivery == "full" and contract.vanished is not None and contract.vanished.action != "ignore"
]


@pytest.mark.parametrize(("system", "table"), FULL, ids=[".".join(one) for one in FULL])
@pytest.mark.parametrize("left", [0, ROWS // 4], ids=["empty", "cut off"])
def test_a_full_table_that_comes_empty_or_cut_off_is_refused(
    system: str, table: str, left: int, settings: Settings, first_day: date
) -> None:
    deliver(settings, system, first_day)
    land(first_day, system, settings)
    contract = contracts_of(system)[table]
    following = first_day + timedelta(days=1)
    tables = {
        name: rows_of(other, first_day) for name, other in contracts_of(system).items() if other.delivery == "full"
    }
    deliver(settings, system, following, tables | {table: rows_of(contract, first_day)[:left]})
    assert table in refused(settings, system, following)


@every_system
@pytest.mark.parametrize("what", ["row_count", "control_total"])
def test_a_count_or_total_that_is_off_by_one_refuses_the_whole_delivery(
    system: str, what: str, settings: Settings, first_day: date
) -> None:
    manifest = deliver(settings, system, first_day)
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    for at in range(len(stated["tables"])):
        changed = json.loads(manifest.read_text(encoding="utf-8"))
        file = changed["tables"][at]["files"][0]
        file[what] = ROWS + 1 if what == "row_count" else str(Decimal(file["control_total"]) + Decimal("0.01"))
        manifest.write_text(json.dumps(changed), encoding="utf-8")
        assert "its manifest says" in refused(settings, system, first_day)
        manifest.write_text(json.dumps(stated), encoding="utf-8")


@every_system
def test_a_delivery_that_is_still_being_written_is_not_picked_up(
    system: str, settings: Settings, first_day: date
) -> None:
    manifest = deliver(settings, system, first_day)
    text = manifest.read_text(encoding="utf-8")
    manifest.unlink()  # it comes last
    land_what_is_there(first_day, system, settings)
    assert counts(settings, system) == [row for row in counts(settings, system) if row[2] != first_day]
    manifest.write_text(text, encoding="utf-8")
    path = next(path for path in manifest.parent.iterdir() if path.suffix == ".csv")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert "still being written" in refused(settings, system, first_day)
    path.write_bytes(whole)
    assert hashlib.sha256(whole).hexdigest() in text
    land(first_day, system, settings)


def test_two_full_tables_of_one_delivery_are_each_compared_with_their_own_past(
    settings: Settings, first_day: date
) -> None:
    """Both are keyed by loan: what is missing in one is not what is missing in the other."""
    contract = contracts_of("core_banking")["loan_contract"]
    deliver(settings, "core_banking", first_day)
    land(first_day, "core_banking", settings)
    following = first_day + timedelta(days=1)
    deliver(settings, "core_banking", following, {"loan_contract": rows_of(contract, first_day)[:-1]})
    assert "the full delivery of core_banking.loan_contract" in refused(settings, "core_banking", following)


def test_a_sender_with_names_of_his_own_is_spoken_to_in_them(
    settings: Settings, first_day: date, tmp_path: Path
) -> None:
    """The refusal names his columns, the quarantine keeps his text, the row that is good is ours."""
    ours = yaml.safe_load((CONTRACTS_DIR / "payments" / "repayment_transaction.yml").read_text(encoding="utf-8"))
    own = {"amount": {"source_name": "金额"}, "transaction_type": {"codes": {"01": "REPAYMENT"}}}
    columns = [{"name": column["name"], **own.get(column["name"], {})} for column in ours["columns"]]
    header = [column.get("source_name", column["name"]) for column in columns]
    lines = [header]
    for number, code in enumerate(["01", "09"]):
        row = good_rows(contracts_of("payments")["repayment_transaction"], 1, 10 * first_day.toordinal() + number)[0]
        lines.append([str(row[column["name"]]) for column in columns])
        lines[-1][header.index("transaction_type")] = code
    with lender(tmp_path, "payments", {"kind": "files"}, repayment_transaction={"columns": columns}):
        folder = settings.landing / "payments" / first_day.isoformat()
        folder.mkdir(parents=True)
        (folder / "repayment_transaction.csv").write_text("\n".join(map(",".join, lines)) + "\n", encoding="utf-8")
        path, _ = write_manifest_of("payments", first_day, settings, encoding=None, known_date=None)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"24.68"', '"24.69"'), encoding="utf-8")
        assert "the sum of 金额 is 24.68, its manifest says 24.69" in refused(settings, "payments", first_day)
        path.write_text(text, encoding="utf-8")
        (batch,) = land(first_day, "payments", settings).batches
        assert (batch.rows_loaded, batch.rows_quarantined) == (1, 1)
        found = query(
            settings,
            "select reason_code, column_name, masked_text from quarantine.rows where batch_id = %s",
            batch.batch_id,
        )
    assert [row[:2] for row in found] == [("unknown_code", "transaction_type")]
    assert ",99," in str(found[0][2]), "the shape of what was delivered, not of what it might have meant"
