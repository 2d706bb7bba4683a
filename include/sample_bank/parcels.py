"""One delivery of the sample bank on its way: rows gathered block by block, faults put in, late ones held back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from include.landing.delivery_writer import Delivery, Style
from include.sample_bank import bureau, core_books, workforce
from include.sample_bank.damage import FILE_FAULTS, damage
from include.sample_bank.faults import Draw, Fault, apply_fault
from include.sample_bank.loans import day_number
from include.sample_bank.randomness import Chance
from include.sample_bank.systems import makers_of
from include.sample_bank.world import World

log = logging.getLogger(__name__)

ROWS_PER_FILE, BYTES_PER_FILE = 400_000, 24 * 1024**2


@dataclass(frozen=True)
class Parcel:
    """One delivery to write: the state at the end of ``business_date`` and the events since ``after``."""

    system: str
    business_date: date
    after: date
    kind: str = "daily"
    known_date: date | None = None
    from_date: date | None = None
    replaces: str = "delivery"
    faults: tuple[Fault, ...] = ()
    style: Style = field(default_factory=Style)
    is_whole: bool = False  # every table of the system, not only loans, schedules and repayments


class OpenParcel:
    """A delivery being written. Small tables become one file, large ones numbered files."""

    def __init__(self, landing: Path, parcel: Parcel, chance: Chance) -> None:
        self._parcel, self._chance = parcel, chance
        self._waiting: dict[str, list[pa.Table]] = {}
        self._has_files: set[str] = set()
        self._ledger = np.zeros((), dtype=np.int64)
        late = [fault for fault in parcel.faults if fault.name == "late"]
        release_on = parcel.business_date + timedelta(days=late[0].days) if late else None
        if release_on is not None:
            where = held_folder(landing)
            log.warning(
                "%s of %s is late: it waits in %s until %s", parcel.system, parcel.business_date, where, release_on
            )
        self._delivery = Delivery(
            landing if release_on is None else held_folder(landing) / release_on.isoformat(),
            parcel.system,
            parcel.business_date,
            kind=parcel.kind,
            known_date=parcel.known_date,
            from_date=parcel.from_date,
            replaces=parcel.replaces,
            style=parcel.style,
        )

    def add(self, world: World) -> None:
        """Take this block's share of the delivery."""
        if self._parcel.system == "general_ledger":
            self._ledger = self._ledger + core_books.ledger_cells(world, self._until)
        for table, make in makers_of(self._parcel.system, is_whole=self._parcel.is_whole).items():
            waiting = self._waiting.setdefault(table, [])
            waiting.append(make(world, self._after, self._until))
            if table == "bureau_report" and any(fault.name == "pulls_after_closing" for fault in self._parcel.faults):
                waiting.append(bureau.pulls_after_closing(world, self._until))
            is_large = sum(part.nbytes for part in waiting) >= BYTES_PER_FILE
            if is_large or sum(part.num_rows for part in waiting) >= ROWS_PER_FILE:
                self._delivery.add(table, self._gathered(table))
                self._has_files.add(table)

    def close(self) -> None:
        """Write what is left and the manifest, then damage what was to be damaged."""
        self._waiting |= {table: [rows] for table, rows in self._of_the_whole_bank().items()}
        for table, waiting in self._waiting.items():
            if table not in self._has_files:
                self._delivery.put(table, self._gathered(table))
            elif waiting:
                self._delivery.add(table, self._gathered(table))
        manifest = self._delivery.close()
        for fault in self._parcel.faults:
            if fault.name in FILE_FAULTS:
                damage(manifest.parent, fault.name, fault.table)

    def _of_the_whole_bank(self) -> Mapping[str, pa.Table]:
        """The tables that are not made block by block."""
        if self._parcel.system == "general_ledger":
            return {"gl_balance": core_books.gl_balance(self._ledger, self._until)}
        if self._parcel.system == "workforce":
            return {
                "officer": workforce.officer(self._chance, self._until),
                "officer_capacity": workforce.officer_capacity(self._chance, self._after, self._until),
            }
        return {}

    @property
    def _after(self) -> int:
        return day_number(self._parcel.after)

    @property
    def _until(self) -> int:
        return day_number(self._parcel.business_date)

    def _gathered(self, table: str) -> pa.Table:
        """The rows that wait, with the day's faults; of a table in several files only the first has them."""
        rows = pa.concat_tables(self._waiting[table])
        self._waiting[table].clear()
        if table not in self._has_files:
            for fault in self._parcel.faults:
                if fault.table == table:
                    rows = apply_fault(rows, Draw(fault, self._parcel.business_date, self._chance))
        return rows


def held_folder(landing: Path) -> Path:
    """Where late deliveries wait: beside the landing, one folder for each day of release."""
    return landing.with_name(f"{landing.name}-held")


def release(landing: Path, day: date) -> list[Path]:
    """Move what was held until ``day`` into the landing, manifests last; returns the manifests that arrived."""
    arrived = []
    for due in sorted(path for path in held_folder(landing).glob("*") if date.fromisoformat(path.name) <= day):
        for manifest in sorted(due.glob("*/*/manifest.json")):
            target = landing / manifest.parent.relative_to(due)
            target.mkdir(parents=True, exist_ok=True)
            for path in sorted(manifest.parent.iterdir(), key=lambda path: path == manifest):
                path.replace(target / path.name)
            manifest.parent.rmdir()
            arrived.append(target / manifest.name)
    return arrived
