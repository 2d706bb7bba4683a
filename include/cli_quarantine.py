"""``postloan quarantine``: look at refused rows, correct them, release them, or give them up."""

import getpass
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from include.cli_base import Verbs, a_date, console, say, settings_of_this_process
from include.errors import PostloanError

quarantine_app = typer.Typer(cls=Verbs, no_args_is_help=True, help=__doc__)

System = Annotated[str | None, typer.Option(help="only this source system")]
Table = Annotated[str | None, typer.Option(help="only this table")]
Rows = Annotated[list[str] | None, typer.Argument(metavar="BATCH:LINE...", help="as `quarantine list` prints them")]
By = Annotated[str | None, typer.Option("--by", help="who decides; default: the user of this machine")]
Why = Annotated[str, typer.Option("--reason", help="why; an auditor will read it")]


@quarantine_app.command("list")
def list_rows(
    system: System = None,
    table: Table = None,
    business_date: Annotated[date | None, typer.Option("--date", parser=a_date, metavar="DATE")] = None,
    why: Annotated[str | None, typer.Option("--why", help="only this reason code")] = None,
    state: Annotated[str | None, typer.Option(help="OPEN, FIXED, RELEASED, DISCARDED; default: OPEN and FIXED")] = None,
    limit: Annotated[int, typer.Option(help="rows shown")] = 20,
) -> None:
    """Counts by table, reason and state, then the rows themselves, masked."""
    from rich.table import Table as Shown

    from include.quarantine.rows import STATES, Filter, counts, rows_of
    from include.warehouse.connection import connect

    if state is not None and state.upper() not in STATES:
        raise typer.BadParameter(f"a row is {', '.join(STATES)}")
    wanted = Filter(system, table, business_date, why, state.upper() if state else None)
    with connect(settings_of_this_process(), application_name="postloan:quarantine") as connection:
        found = counts(connection, wanted)
        rows = rows_of(connection, wanted) if state else [
            row for row in rows_of(connection, wanted) if row.state in ("OPEN", "FIXED")
        ]  # fmt: skip
    if not found:
        say("nothing is in quarantine that matches")
        return
    out = console()
    summary = Shown(title="隔离区 · Quarantine", title_justify="left")
    for header in ("表\ntable", "原因\nwhy", "状态\nstate"):
        summary.add_column(header)
    for header in ("行数\nrows", "最早\nfirst", "最晚\nlast"):
        summary.add_column(header, justify="right")
    for name, reason, its_state, count, first, last in found:
        summary.add_row(name, reason, its_state, f"{count:,}", str(first), str(last))
    out.print(summary)
    listing = Shown(title_justify="left")
    for header in ("行\nrow", "日期\ndate", "表\ntable", "主体\nwhose", "状态\nstate", "原因\nwhy", "脱敏文本\nmasked"):
        listing.add_column(header, overflow="fold")
    for row in rows[:limit]:
        listing.add_row(
            str(row.place), str(row.business_date), f"{row.system}.{row.table_name}", row.subject_id or "",
            row.state, f"{row.reason_code} {row.column_name or ''}".strip(), row.masked_text[:80],
        )  # fmt: skip
    out.print(listing)
    if len(rows) > limit:
        say(f"  … {len(rows) - limit:,} more; --limit {len(rows)}")


@quarantine_app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="BATCH[:LINE]")],
    reveal: Annotated[bool, typer.Option("--reveal", help="the text itself; who and why is kept")] = False,
    by: By = None,
    reason: Annotated[str | None, typer.Option("--reason", help="why the text is needed; with --reveal")] = None,
) -> None:
    """One refused row, or all of a batch: place, reason, masked text, and everything that was done to it."""
    from include.quarantine.corrections import parse_place
    from include.quarantine.rows import history_of, rows_at, rows_of_batch
    from include.quarantine.rows import reveal as reveal_text
    from include.warehouse.connection import connect
    from include.warehouse.roles import AUDITOR, PRIVACY

    place = parse_place(what) if ":" in what else None
    if reveal and (place is None or not (reason or "").strip()):
        raise PostloanError("--reveal shows one row, BATCH:LINE, for a reason: --reason TEXT")
    role = PRIVACY if reveal else AUDITOR
    with connect(settings_of_this_process(), role=role, application_name="postloan:quarantine") as connection:
        if place is None and not what.isdecimal():
            raise PostloanError(f"{what!r} is no BATCH or BATCH:LINE", next_command="postloan quarantine list")
        for row in rows_at(connection, [place]) if place else rows_of_batch(connection, int(what)):
            say(f"{row.place}  {row.system}.{row.table_name} of {row.business_date}, {row.state}")
            say(f"  {row.file_name} line {row.file_line_no}, about {row.subject_id or 'nobody who can be read'}")
            say(f"  {row.column_name or 'the row'}: {row.reason_text}")
            say(f"  {row.masked_text}")
            for action, actor, why, columns, known in history_of(connection, row.place):
                say(f"  {action} by {actor}{f' ({columns})' if columns else ''}"
                    f"{f', known {known}' if known else ''}: {why}")  # fmt: skip
            if row.released_batch_id is not None:
                say(f"  loaded as row {row.released_line_no} of batch {row.released_batch_id}")
        if reveal and place is not None:
            say(f"  as delivered: {reveal_text(connection, place, actor=_who(by), reason=str(reason))}")


@quarantine_app.command()
def fix(
    reason: Why,
    row: Annotated[str | None, typer.Argument(metavar="[BATCH:LINE]")] = None,
    values: Annotated[list[str] | None, typer.Argument(metavar="[COLUMN=VALUE...]")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="CSV batch_id,line_no,column,value, or JSON")] = None,
    as_delivered: Annotated[bool, typer.Option("--as-delivered", help="the row is right as it is")] = False,
    by: By = None,
) -> None:
    """Say what refused rows should have said. Somebody else releases them."""
    from include.quarantine.corrections import Correction, from_arguments, from_file, parse_place
    from include.quarantine.decisions import Signed
    from include.quarantine.decisions import fix as fix_rows
    from include.quarantine.rows import rows_at
    from include.warehouse.connection import connect

    settings = settings_of_this_process()
    if (file is None) == (row is None) or (row is not None and bool(values) == as_delivered):
        raise PostloanError(
            "give BATCH:LINE and COLUMN=VALUE..., or BATCH:LINE --as-delivered, or --file",
            next_command="postloan quarantine fix --help",
        )
    if file is not None:
        corrections = from_file(file)
    else:
        place = parse_place(str(row))
        with connect(settings, application_name="postloan:quarantine") as connection:
            (found,) = rows_at(connection, [place])
        corrections = [Correction(place, {}) if as_delivered else from_arguments(place, values or [], found.contract)]
    for fixed in fix_rows(settings, corrections, Signed(_who(by), reason)):
        say(f"{fixed.place} of {fixed.system}.{fixed.table_name}: {fixed.state}")
    say(f"next, by somebody else: postloan quarantine release {' '.join(str(one.place) for one in corrections[:5])} "
        "--by NAME --reason TEXT")  # fmt: skip


@quarantine_app.command()
def release(
    reason: Why,
    rows: Rows = None,
    all_fixed: Annotated[bool, typer.Option("--all-fixed", help="every corrected row that matches")] = False,
    system: System = None,
    table: Table = None,
    known_date: Annotated[
        date | None,
        typer.Option("--known-date", parser=a_date, metavar="DATE", help="default: the next unpublished business date"),
    ] = None,
    by: By = None,
) -> None:
    """Load corrected rows through the same checks, as an ordinary batch that the next run uses."""
    from include.quarantine.corrections import parse_place
    from include.quarantine.decisions import Signed
    from include.quarantine.release import release as release_rows
    from include.quarantine.rows import all_corrected
    from include.warehouse.connection import connect

    settings = settings_of_this_process()
    if bool(rows) == all_fixed:
        raise PostloanError("name rows (BATCH:LINE...), or say --all-fixed", next_command="postloan quarantine list")
    places = [parse_place(row) for row in rows or []]
    if all_fixed:
        with connect(settings, application_name="postloan:quarantine") as connection:
            places = all_corrected(connection, system=system, table=table)
    if settings.quarantine_same_person:
        say("POSTLOAN_QUARANTINE_SAME_PERSON is set: nobody checks that two people looked at a row")
    for batch in release_rows(settings, places, Signed(_who(by), reason), known_date=known_date):
        say(f"{batch.system}.{batch.table} of {batch.business_date}: {batch.rows:,} rows released, {batch.loaded:,} "
            f"loaded as batch {batch.batch_id}; known from {batch.known_date}, whose run uses them")  # fmt: skip


@quarantine_app.command()
def discard(reason: Why, rows: Annotated[list[str], typer.Argument(metavar="BATCH:LINE...")], by: By = None) -> None:
    """Give rows up: never loaded, and accounted for."""
    from include.quarantine.corrections import parse_place
    from include.quarantine.decisions import Signed
    from include.quarantine.decisions import discard as discard_rows

    signed = Signed(_who(by), reason)
    for row in discard_rows(settings_of_this_process(), [parse_place(row) for row in rows], signed):
        say(f"{row.place} of {row.system}.{row.table_name}: {row.state}")


def _who(by: str | None) -> str:
    return by or getpass.getuser()
