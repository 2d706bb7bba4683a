"""Full deliveries and corrections look back: what they mean depends on what was in effect before them.

Such a delivery is compared with the state before it, loads only what differs, and says what is gone. When a delivery
arrives late, the ones after it that look back are settled again: rows are added where they would now mean something
else. Nothing is ever taken away, and every order of arrival ends in the same state (a test tries them all).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from psycopg import sql

from include.errors import DeliveryError
from include.landing.contract import Contract
from include.landing.further import FurtherBatches
from include.landing.versions import RawTable, before, end_of
from include.warehouse.ledger import CARRIED, DELIVERED, RELEASED, RESTORED, Batch, LandedBatch, Version

Operation: TypeAlias = Batch | LandedBatch
SHOWN_KEYS = 5


def looks_back(batch: Operation, contract: Contract) -> bool:
    """Whether the batch states the whole of its table or of its date: a full delivery, a correction of a delivery."""
    if batch.part != DELIVERED or batch.kind == "history" or batch.replaces == "keys":
        return False
    return contract.delivery == "full" or batch.kind == "correction"


@dataclass
class Settlement:
    """What a landed batch (``cause``) and the deliveries that look back over it still have to say."""

    table: RawTable
    cause: Batch
    landed: list[LandedBatch]
    further: FurtherBatches
    # rows of the delivery whose key could not be read: that many keys may be missing without having vanished
    unreadable_rows: int = 0
    superseded: int = 0

    @property
    def _is_full(self) -> bool:
        return self.table.contract.delivery == "full"

    def settle_missing(self, missing: str) -> None:
        """The cause looks back, and the units in this temporary table are in effect before it but not in it."""
        later = {batch.version.known_date for batch in self._corrections if batch.version.known_date > self._known}
        for known in (self._known, *sorted(later)):
            self._settle_absent(self.cause, missing, known)

    def settle_own(self, units: str) -> None:
        """What the cause holds of the units in this temporary table stands above rows carried for its date.

        Those were written for people who know as much or more, when this delivery was not there yet. The units that
        needed it are left in ``landing_overruled``.
        """
        own = self.cause.version
        self._keep("landing_overruled", "select {unit} from {units} where false", units=sql.Identifier(units))
        for known in sorted(self._knowledge_of_carried):
            if self._is_replaced(self.cause, known):
                continue
            self._keep_open(self.cause, units, known)
            wanted = self.table.in_effect(own, own.known_date, of="landing_open")
            self.table.replace_temporary("landing_held", wanted)
            actual = self.table.in_effect(end_of(own.business_date, known), known, of="landing_open")
            self.table.replace_temporary("landing_actual", actual)
            carried = sql.SQL("_part = {}").format(sql.Literal(CARRIED))
            if self._keep_differing("landing_restored", "landing_held", or_where=carried):
                self.superseded += self.further.copy_rows("landing_restored", self.cause, RESTORED, known)
                self.table.execute(
                    "insert into landing_overruled select distinct {unit} from landing_restored",
                )

    @property
    def has_carried_above(self) -> bool:
        """Whether rows were carried for the cause's date that it may have to overrule."""
        return bool(self._knowledge_of_carried)

    @property
    def _knowledge_of_carried(self) -> set[date]:
        day, known, _ = self.cause.version
        return {
            batch.version.known_date
            for batch in self.landed
            if batch.part == CARRIED and batch.version.business_date == day and batch.version.known_date >= known
        }

    @property
    def has_later_operations(self) -> bool:
        """Whether any delivery after the cause looks back over it."""
        return bool(self._later_operations())

    def settle_later(self, touched: str) -> None:
        """Settle the deliveries after the cause that look back, for the units in this temporary table."""
        for op in self._later_operations():
            units = self._without_quarantined(op, touched)
            state = end_of(op.version.business_date, op.version.known_date)
            known = max(self._known, op.version.known_date)
            former = self.table.in_effect(state, op.version.known_date, of=units, ignored=self.further.batch_ids)
            self.table.replace_temporary("landing_former", former)
            held = sql.SQL("_part <> {}").format(sql.Literal(CARRIED))
            if not self._is_full:
                # a correction states its own date only; what is older it left alone
                held += sql.SQL(" and _business_date = {}").format(sql.Literal(op.version.business_date))
            self._keep("landing_held", "select * from landing_former where {held}", held=held)
            self._restore_held(op, state, known)
            self._keep(
                "landing_absent",
                "select distinct {unit} from {units} except select {unit} from landing_held",
                units=sql.Identifier(units),
            )
            worlds = {batch.version.known_date for batch in self._corrections if batch.version.known_date > known}
            for world in (known, *sorted(worlds)):
                if not self._is_replaced(op, world):
                    self._settle_absent(op, "landing_absent", world)

    @property
    def _known(self) -> date:
        return self.cause.version.known_date

    @property
    def _corrections(self) -> list[LandedBatch]:
        return [batch for batch in self.landed if batch.kind == "correction"]

    def _later_operations(self) -> list[LandedBatch]:
        first = self.cause.version
        if self.cause.from_date is not None:
            first = Version(self.cause.from_date, self.cause.from_date, 0)
        contract = self.table.contract
        later = [batch for batch in self.landed if looks_back(batch, contract) and batch.version > first]
        if not self._is_full:
            return later
        # after the first full delivery that somebody sees, the next ones hold what differs from it already
        chosen = {batch.batch_id for batch in later if batch.kind == "correction"}
        carrying = {batch.version.business_date for batch in self.landed if batch.part == CARRIED}
        chosen |= {batch.batch_id for batch in later if batch.version.business_date in carrying}
        for world in {self._known, *(batch.version.known_date for batch in later)}:
            for op in _last_of_each_date(later, world):
                chosen.add(op.batch_id)
                if op.rows_quarantined == 0:
                    break
        return [batch for batch in later if batch.batch_id in chosen]

    def _is_replaced(self, op: Operation, world: date) -> bool:
        """Whether somebody who knows up to ``world`` sees a later correction of the same date instead of ``op``."""
        day = op.version.business_date
        return any(
            looks_back(batch, self.table.contract)
            and batch.version.business_date == day
            and op.version.known_date < batch.version.known_date <= world
            for batch in self.landed
        )

    def _without_quarantined(self, op: LandedBatch, touched: str) -> str:
        """The units about which ``op`` says something: what it delivered and landing refused, it says nothing about."""
        if not self._is_full or op.rows_quarantined == 0:
            return touched
        self._keep(
            "landing_stated",
            "select {unit} from {touched} as t where not exists ("
            "select from quarantine.rows as q "
            "where q.batch_id = {op} and q.unit_text = concat_ws(chr(31), {unit_texts}))",
            touched=sql.Identifier(touched),
            unit_texts=sql.SQL(", ").join(
                sql.SQL("{}::text").format(sql.Identifier("t", name)) for name in self.table.contract.unit_or_key
            ),
            op=op.batch_id,
        )
        return "landing_stated"

    def _restore_held(self, op: LandedBatch, state: Version, known: date) -> None:
        """What ``op`` holds stays as it was: copies of the rows that would otherwise give way to the cause's."""
        self.table.replace_temporary("landing_actual", self.table.in_effect(state, known, of="landing_held"))
        gave_way = sql.SQL("_part = {}").format(sql.Literal(CARRIED))
        if self._keep_differing("landing_restored", "landing_held", or_where=gave_way):
            self.superseded += self.further.copy_rows("landing_restored", op, RESTORED, op.version.known_date)

    def _settle_absent(self, op: Operation, units: str, known: date) -> None:
        """``op`` looks back and does not hold these units: they are as they were before its business date, or gone."""
        day = op.version.business_date
        self._keep_open(op, units, known)
        self.table.replace_temporary("landing_wanted", self.table.in_effect(before(day), known, of="landing_open"))
        self.table.replace_temporary(
            "landing_actual", self.table.in_effect(end_of(day, known), known, of="landing_open")
        )
        if self._is_full:
            self._carry_vanished(op, known)
        else:
            self._carry("landing_wanted", op, known)
        gone = self._keep(
            "landing_gone",
            "select a.* from landing_actual as a where not exists (select from landing_wanted as w where {same})",
            same=self.table.same_unit("a", "w"),
        )
        if gone:
            # only those who know this much see them gone: to others the delivery says something else
            batch_id = op.batch_id if known == op.version.known_date else self.further.without_rows(op, CARRIED, known)
            self.superseded += self.table.withdraw(sql.Identifier("landing_gone"), by_batch_id=batch_id, on=day)

    def _keep_open(self, op: Operation, units: str, known: date) -> None:
        """The units of which nothing was delivered for ``op``'s date after it: keys corrected later speak first."""
        self._keep(
            "landing_open",
            "select {unit} from {units} as u where not exists (select from {rows} as r "
            "join ops.load_batch as rb on rb.batch_id = r._batch_id where {same} "
            "and r._business_date = {day} and r._known_date <= {known} "
            "and (rb.part = {delivered} and r._known_date > {since} "
            "or rb.part = {released} and r._known_date >= {since}))",
            units=sql.Identifier(units),
            same=self.table.same_unit("u", "r"),
            day=op.version.business_date,
            known=known,
            since=op.version.known_date,
            delivered=DELIVERED,
            released=RELEASED,
        )

    def _carry_vanished(self, op: Operation, known: date) -> None:
        vanished = self.table.contract.vanished
        assert vanished is not None
        fresh = self._keep("landing_vanished", "select * from landing_wanted where _part <> {carried}", carried=CARRIED)
        if fresh and vanished.action == "error":
            self._refuse_vanished(op, fresh)
            return
        if op is self.cause and known == self._known:
            self._refuse_many_vanished(op, fresh)
        if vanished.set:
            self.further.close_rows("landing_vanished", op.version.business_date)
        self._carry("landing_vanished", op, known)
        self._keep("landing_kept", "select * from landing_wanted where _part = {carried}", carried=CARRIED)
        self._carry("landing_kept", op, known)

    def _carry(self, wanted: str, op: Operation, known: date) -> None:
        """Write the rows of ``wanted`` for ``op``'s date unless they, or their like, are in effect there already."""
        held = sql.SQL("_part <> {}").format(sql.Literal(CARRIED))
        if not self._is_full:
            held += sql.SQL(" and _business_date = {}").format(sql.Literal(op.version.business_date))
        if self._keep_differing("landing_carried", wanted, or_where=held):
            self.superseded += self.further.copy_rows("landing_carried", op, CARRIED, known)

    def _keep_differing(self, name: str, wanted: str, *, or_where: sql.Composable) -> int:
        """The rows of the units of ``wanted`` that have other hashes in ``landing_actual``, or a row ``or_where``."""
        return self._keep(
            name,
            """
            with wanted as (
                select {unit}, array_agg(_row_hash order by _row_hash) as hashes from {wanted} group by {unit}
            ),
            actual as (
                select {unit}, array_agg(_row_hash order by _row_hash) as hashes, bool_or({or_where}) as is_other
                from landing_actual group by {unit}
            )
            select w.* from {wanted} as w
            join wanted using ({unit})
            left join actual using ({unit})
            where actual.hashes is distinct from wanted.hashes or actual.is_other
            """,
            wanted=sql.Identifier(wanted),
            or_where=or_where,
        )

    def _refuse_vanished(self, op: Operation, count: int) -> None:
        if op is self.cause and count <= self.unreadable_rows:
            return
        contract = self.table.contract
        names = ", ".join(contract.key)
        keys = self.table.execute("select {unit} from landing_vanished order by {unit} limit {n}", n=SHOWN_KEYS)
        shown = "; ".join("/".join(str(part) for part in key) for key in keys.fetchall())
        which = f"the full delivery of {contract.system}.{contract.table} for {op.version.business_date}"
        if op is self.cause:
            what = f"{which} lacks {count} keys that were there before ({names}): {shown}"
        else:
            day = self.cause.version.business_date
            what = f"{which}, landed before, lacks {count} keys that this delivery of {day} has ({names}): {shown}"
        raise DeliveryError(
            f"{what}. Its contract says that no key may vanish; nothing of the delivery was loaded",
            next_command=f"cat include/contracts/{contract.system}/{contract.table}.yml",
        )

    def _refuse_many_vanished(self, op: Operation, count: int) -> None:
        contract = self.table.contract
        assert contract.vanished is not None
        row = self.table.execute("select count(*) from landing_state where _part <> {part}", part=CARRIED).fetchone()
        known_keys = row[0] if row else 0
        if count > contract.vanished.max_share * known_keys:
            raise DeliveryError(
                f"the full delivery of {contract.system}.{contract.table} for {op.version.business_date} lacks {count} "
                f"of {known_keys} keys that were there before, more than {contract.vanished.max_share:.1%}: "
                "a truncated extract, until somebody says otherwise. Nothing of the delivery was loaded",
                next_command=f"cat include/contracts/{contract.system}/{contract.table}.yml",
            )

    def _keep(self, name: str, query: str, **parts: sql.Composable | object) -> int:
        filled = {key: part if isinstance(part, sql.Composable) else sql.Literal(part) for key, part in parts.items()}
        composed = sql.SQL(query).format(rows=self.table.rows, unit=self.table.unit, **filled)
        return self.table.replace_temporary(name, composed)


def _last_of_each_date(operations: Sequence[LandedBatch], world: date) -> list[LandedBatch]:
    last: dict[date, LandedBatch] = {}
    for op in operations:  # in version order
        if op.version.known_date <= world:
            last[op.version.business_date] = op
    return [last[day] for day in sorted(last)]
