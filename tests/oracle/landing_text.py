"""The landing folder as rows of text: every delivery, what is wrong with a row, and what is in effect when.

This and ``position`` are a second opinion. Nothing in them imports the product: they read manifests and files, and
are slow, short and written to be read beside DESIGN.md section 4. Where they and the warehouse differ, one is wrong.
"""

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import available_timezones

import pyarrow.parquet as pq

Row = dict[str, str | None]
Unit = tuple[str, ...]

ZONES = available_timezones()

AMOUNT = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,2})?")
RATE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
COUNT = re.compile(r"[0-9]{1,9}")
CODE = {
    "contract_status": {"ACTIVE", "CLOSED", "CHARGED_OFF", "SOLD", "CANCELLED"},
    "repayment_method": {"EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_FIRST", "BULLET", "OTHER"},
    "version_reason_code": {"ORIGINAL", "RESTRUCTURE", "SETTLEMENT", "CORRECTION"},
    "transaction_type": {"REPAYMENT", "REVERSAL"},
    "is_derived": {"true", "false"},
}
DUE_AMOUNTS = ("principal_due_amount", "interest_due_amount", "fee_due_amount", "penalty_due_amount")


@dataclass(frozen=True)
class Table:
    """What the working agreement says of a table: enough to read it, nothing about how it is stored."""

    system: str
    key: tuple[str, ...]
    unit: tuple[str, ...]
    """Rows with the same unit stand or fall together and are replaced together."""
    unit_constant: tuple[str, ...]
    known_column: str
    control_column: str
    required: tuple[str, ...]


TABLES = {
    "loan_contract": Table(
        "core_banking",
        ("loan_id",),
        ("loan_id",),
        (),
        "disbursement_date",
        "principal_amount",
        (
            *("loan_id", "borrower_id", "product_code", "channel_code", "currency", "timezone", "principal_amount"),
            *("repayment_method", "disbursement_date", "contract_status"),
        ),
    ),
    "repayment_schedule": Table(
        "core_banking",
        ("loan_id", "schedule_version", "instalment_number"),
        ("loan_id", "schedule_version"),
        ("schedule_effective_date", "version_reason_code"),
        "schedule_effective_date",
        "principal_due_amount",
        (
            *("loan_id", "schedule_version", "schedule_effective_date", "version_reason_code", "instalment_number"),
            *("due_date", *DUE_AMOUNTS, "is_derived"),
        ),
    ),
    "repayment_transaction": Table(
        "payments",
        ("transaction_id",),
        ("transaction_id",),
        (),
        "booking_date",
        "amount",
        (
            *("transaction_id", "loan_id", "value_date", "booking_date", "currency", "amount", "transaction_type"),
            "is_derived",
        ),
    ),
}


@dataclass(frozen=True)
class Reading:
    """One distinct row, read once: full extracts repeat most of theirs every day."""

    row: Row
    wrong: str | None
    key: Unit
    unit: Unit
    alone: tuple[Row, ...]


@dataclass
class Delivery:
    """One table of one manifest: its good units, and the rows that cannot be used with the reason."""

    table: str
    kind: str
    business_date: date
    known_date: date
    from_date: date | None
    replaces: str
    units: dict[Unit, tuple[Row, ...]] = field(default_factory=dict)
    refused: list[tuple[str, Row]] = field(default_factory=list)

    def dates_of(self, unit: tuple[Row, ...]) -> tuple[date, date]:
        """The business date and known date of a unit: the delivery's, in a history each row's own."""
        if self.kind != "history":
            return self.business_date, self.known_date
        assert self.from_date is not None
        stated = max(date.fromisoformat(str(row[TABLES[self.table].known_column])) for row in unit)
        clamped = min(max(stated, self.from_date), self.business_date)
        return clamped, clamped


@dataclass
class Landing:
    """A landing folder that is read again as deliveries arrive; what was read before is not read twice."""

    folder: Path
    _deliveries: dict[str, list[Delivery]] = field(default_factory=dict)
    _readings: dict[tuple[object, ...], Reading] = field(default_factory=dict)

    def read(self) -> list[Delivery]:
        """Every delivery with a manifest, oldest first. A file that its manifest contradicts is an error."""
        found = []
        for path in sorted(self.folder.glob("*/**/manifest.json")):
            text = path.read_text(encoding="utf-8")
            if text not in self._deliveries:
                self._deliveries[text] = self._read_one(path.parent, json.loads(text))
            found += self._deliveries[text]
        return sorted(found, key=lambda each: (each.table, each.business_date, each.known_date))

    def _read_one(self, folder: Path, manifest: dict) -> list[Delivery]:
        deliveries = []
        business_date = date.fromisoformat(manifest["business_date"])
        for listed in manifest["tables"]:
            if listed["table"] not in TABLES:  # the lender's own balances, for one: no input of a position
                continue
            rows = [row for file in listed["files"] for row in _checked_rows(folder, listed, file)]
            delivery = Delivery(
                listed["table"],
                manifest["kind"],
                business_date,
                date.fromisoformat(manifest["known_date"] or manifest["business_date"]),
                date.fromisoformat(manifest["from_date"]) if manifest["from_date"] else None,
                manifest["replaces"],
            )
            _sort_rows(delivery, [_reading(listed["table"], row, self._readings) for row in rows])
            deliveries.append(delivery)
        return deliveries


def read_landing(landing: Path) -> list[Delivery]:
    """Every delivery of a landing folder that nothing is added to any more."""
    return Landing(landing).read()


def in_effect(
    deliveries: list[Delivery], table: str, business_date: date, known_date: date
) -> dict[Unit, tuple[Row, ...]]:
    """The rows of each unit that count on ``business_date`` by what was known on ``known_date``.

    The latest version by (business date, known date) wins. A correction that replaces its delivery takes away the
    units of that business date which it does not repeat: what stood before shows again.
    """
    versions: dict[Unit, tuple[date, date, tuple[Row, ...]]] = {}
    # a history's rows carry their own known dates, the other deliveries one for all
    mine = [
        each for each in deliveries if each.table == table and (each.kind == "history" or each.known_date <= known_date)
    ]
    replaced = {
        each.business_date: each.known_date  # ascending, so the last one stays
        for each in mine
        if each.kind == "correction" and each.replaces == "delivery"
    }
    for each in mine:
        is_replaced = each.kind != "history" and each.known_date < replaced.get(each.business_date, each.known_date)
        if each.kind != "history" and (is_replaced or each.business_date > business_date):
            continue
        for unit, rows in each.units.items():
            on, known = each.dates_of(rows)
            if (
                on <= business_date
                and known <= known_date
                and (unit not in versions or (on, known) >= versions[unit][:2])
            ):
                versions[unit] = (on, known, rows)
    return {unit: rows for unit, (_, _, rows) in versions.items()}


def _checked_rows(folder: Path, listed: dict, file: dict) -> Iterator[Row]:
    data = (folder / file["name"]).read_bytes()
    rows = list(_rows(file["name"], data, listed["encoding"]))
    control = TABLES[listed["table"]].control_column
    total = sum((Decimal(str(row[control])) for row in rows if _is(AMOUNT, row.get(control))), Decimal(0))
    assert hashlib.sha256(data).hexdigest() == file["sha256"], f"{folder / file['name']}: not the file of the manifest"
    assert len(rows) == file["row_count"], f"{folder / file['name']}: {len(rows)} rows, manifest {file['row_count']}"
    assert total == Decimal(file["control_total"]), f"{folder / file['name']}: total {total} is not the manifest's"
    return iter(rows)


def _rows(name: str, data: bytes, encoding: str) -> Iterator[Row]:
    if name.endswith(".gz"):
        name, data = name.removesuffix(".gz"), gzip.decompress(data)
    if name.endswith(".parquet"):
        for record in pq.read_table(io.BytesIO(data)).to_pylist():
            yield {column: _text(value) for column, value in record.items()}
        return
    text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    if name.endswith(".jsonl"):
        for line in text.splitlines():
            record = json.loads(line, parse_float=str, parse_int=str)
            yield {column: _text(value) for column, value in record.items()}
        return
    for record in csv.DictReader(io.StringIO(text, newline="")):
        yield {column: value or None for column, value in record.items()}


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reading(table: str, row: Row, readings: dict[tuple[object, ...], Reading]) -> Reading:
    identity = (table, *row.items())
    if identity not in readings:
        key = tuple(str(row.get(column)) for column in TABLES[table].key)
        unit = tuple(str(row.get(column)) for column in TABLES[table].unit)
        readings[identity] = Reading(row, wrong_with(table, row), key, unit, (row,))
    return readings[identity]


def _sort_rows(delivery: Delivery, readings: list[Reading]) -> None:
    """Good units apart from refused rows. One bad row takes its whole unit with it; a repeated row changes nothing."""
    by_key: dict[Unit, Reading] = {}
    bad_units: set[Unit] = set()
    for reading in readings:
        wrong = reading.wrong
        if wrong is None and by_key.setdefault(reading.key, reading) is not reading:
            wrong = "the same key with other content"
        if wrong is not None:
            delivery.refused.append((wrong, reading.row))
            bad_units.add(reading.unit)
    constants: dict[Unit, tuple[str | None, ...]] = {}
    for reading in by_key.values():
        constant = tuple(reading.row[column] for column in TABLES[delivery.table].unit_constant)
        if constants.setdefault(reading.unit, constant) != constant:
            bad_units.add(reading.unit)
    for reading in by_key.values():
        if reading.unit in bad_units:
            delivery.refused.append(("a row of the same unit was refused", reading.row))
        else:
            earlier = delivery.units.get(reading.unit, ())
            delivery.units[reading.unit] = (*earlier, reading.row) if earlier else reading.alone


def wrong_with(table: str, row: Row) -> str | None:
    """Why a row cannot be used; None when it can."""
    for column in TABLES[table].required:
        if row.get(column) is None:
            return f"{column} is missing"
    for column, value in row.items():
        if value is not None and not _is_valid(column, value):
            return f"{column} is not valid"
    if table == "loan_contract":
        if Decimal(str(row["principal_amount"])) <= 0:
            return "principal_amount is not above zero"
        if row["contract_status"] != "ACTIVE" and row.get("status_date") is None:
            return "status_date is missing"
    if table == "repayment_schedule":
        if any(Decimal(str(row[column])) < 0 for column in DUE_AMOUNTS):
            return "an amount due is below zero"
        if int(str(row["schedule_version"])) < 1 or int(str(row["instalment_number"])) < 1:
            return "versions and instalments are numbered from 1"
    if table == "repayment_transaction":
        amount = Decimal(str(row["amount"]))
        if not (amount > 0 if row["transaction_type"] == "REPAYMENT" else amount < 0):
            return "amount has the wrong sign"
        if row["transaction_type"] == "REVERSAL" and row.get("reversal_of_transaction_id") is None:
            return "a reversal of nothing"
    return None


def _is_valid(column: str, value: str) -> bool:
    if value != value.strip():
        return False
    if column in CODE:
        return value in CODE[column]
    if column == "currency":
        return re.fullmatch("[A-Z]{3}", value) is not None
    if column == "timezone":
        return value in ZONES
    if column.endswith("_amount") or column == "amount":
        return _is(AMOUNT, value)
    if column.endswith("_rate"):
        return _is(RATE, value)
    if column.endswith(("_count", "_number", "_version")):
        return _is(COUNT, value)
    if column.endswith("_date"):
        return _is_date(value)
    return True


def _is(pattern: re.Pattern[str], value: str | None) -> bool:
    return value is not None and pattern.fullmatch(value) is not None


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
