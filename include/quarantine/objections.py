"""What stands against releasing rows: an uncorrected companion, the same person, the contract, a later delivery."""

from datetime import date

import numpy as np
import psycopg
from psycopg import sql

from include.errors import RefusedError
from include.landing.contract import Contract
from include.landing.prepare import Prepared
from include.quarantine.corrections import Cells
from include.quarantine.decisions import Signed, refuse_ended
from include.quarantine.rows import COMPANION, DISCARDED, FIXED, OPEN, QuarantinedRow, rows_of_batch
from include.settings import Settings
from include.warehouse.ledger import LandedBatch


def with_companions(connection: psycopg.Connection, asked: list[QuarantinedRow]) -> list[QuarantinedRow]:
    """The rows and all others of their units, because a unit is loaded whole. RefusedError: one is not corrected."""
    contract = asked[0].contract
    units = {row.unit_text for row in asked} if contract.unit else set()
    places = {row.place for row in asked}
    chosen = [
        row
        for row in rows_of_batch(connection, asked[0].batch_id)
        if row.place in places or (row.unit_text in units and row.unit_text is not None and row.state != DISCARDED)
    ]
    for row in chosen:
        refuse_ended(row)
        if row.state == OPEN and not (row.reason_code == COMPANION and contract.unit):
            what = "belongs to the same unit and is not corrected" if row.place not in places else "is not corrected"
            raise RefusedError(
                f"row {row.place} of {row.system}.{row.table_name} {what} ({row.reason_text}). Nothing was released",
                next_command=f"postloan quarantine fix {row.place} COLUMN=VALUE --by NAME --reason TEXT",
            )
    if not any(row.state == FIXED for row in chosen):
        raise RefusedError(
            f"row {chosen[0].place} was refused for another row of its unit, and no row of it is corrected",
            next_command=f"postloan quarantine show {chosen[0].batch_id}",
        )
    return chosen


def refuse_same_person(
    connection: psycopg.Connection, settings: Settings, rows: list[QuarantinedRow], signed: Signed
) -> None:
    """Two people look at a row before it counts."""
    if settings.quarantine_same_person:
        return
    for row in rows:
        fixers = connection.execute(
            "select distinct actor from quarantine.event where batch_id = %s and line_no = %s and action = 'FIX'",
            (row.batch_id, row.line_no),
        ).fetchall()
        if signed.actor.strip().casefold() in {name.strip().casefold() for (name,) in fixers}:
            raise RefusedError(
                f"row {row.place} was corrected by {signed.actor}: somebody else has to release it. Nothing was "
                "released. (POSTLOAN_QUARANTINE_SAME_PERSON=true is for a demo with one person)",
                next_command=f"postloan quarantine release {row.place} --by SOMEBODY_ELSE --reason TEXT",
            )


def refuse_bad(rows: list[QuarantinedRow], prepared: Prepared) -> None:
    """The contract judges the corrected rows as it judges any others."""
    checked = prepared.checked
    bad = np.flatnonzero(~checked.is_good)
    if len(bad) == 0:
        return
    row, problem = rows[bad[0]], checked.problems[checked.problem[bad[0]] - 1]
    raise RefusedError(
        f"row {row.place} of {row.system}.{row.table_name} is still refused ({len(bad)} in all): "
        f"{problem.column or 'the row'}: {problem.text}. Nothing was released",
        next_command=f"postloan quarantine show {row.place}",
    )


def refuse_overtaken(
    connection: psycopg.Connection,
    contract: Contract,
    landed: list[LandedBatch],
    rows: list[QuarantinedRow],
    stated: list[Cells],
    business_date: date,
) -> None:
    """What the source itself has said since, or said beside the row, is not overwritten by a person's correction."""
    origin = next(one for one in landed if one.batch_id == rows[0].batch_id)
    for one in landed:
        if (
            one.kind == "correction"
            and one.replaces == "delivery"
            and one.part == "delivered"
            and one.version.business_date == business_date
            and one.version > origin.version
        ):
            raise RefusedError(
                f"the delivery of {contract.system}.{contract.table} for {business_date} was replaced by a correction "
                f"known {one.version.known_date}: what the former version held does not count any more",
                next_command=f"postloan quarantine discard {rows[0].place} --by NAME --reason TEXT",
            )
    for row, cells in zip(rows, stated, strict=True):
        held = connection.execute(
            sql.SQL(
                "select 1 from {rows} as r join ops.load_batch as b on b.batch_id = r._batch_id "
                "where {same} and r._business_date = {day} and b.part in ('delivered', 'released') limit 1"
            ).format(
                rows=sql.Identifier("raw", contract.raw_name),
                same=sql.SQL(" and ").join(
                    sql.SQL("r.{} = {}::{}").format(
                        sql.Identifier(name), sql.Literal(cells[name]), sql.SQL(contract.column(name).sql_type)
                    )
                    for name in contract.unit_or_key
                ),
                day=business_date,
            )
        ).fetchone()
        if held is not None:
            raise RefusedError(
                f"the warehouse holds {', '.join(contract.unit_or_key)} of row {row.place} for {business_date} "
                "already: another row of the delivery, or a later correction, states it. Discard the row, or ask for "
                "a correction",
                next_command=f"postloan quarantine discard {row.place} --by NAME --reason TEXT",
            )
