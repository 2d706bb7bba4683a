"""``postloan status`` and ``postloan doctor``: what runs, what is published, what is wrong with the installation."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from rich.console import Console
from rich.table import Table

from include import services
from include.business_calendar import EXTEND, covered_until, ends_soon
from include.errors import PostloanError
from include.landing.contract import load_systems
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.connection import connect, warehouse_parameters

MINIMUM_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Warned:
    """Well today, and not for ever: what was found and what to do about it."""

    found: str
    next_command: str


def print_status(out: Console, settings: Settings) -> None:
    """One table of processes, one of the warehouse; never fails because something is down."""
    table = Table(title="Processes", title_justify="left")
    for header in ("what", "state", "where"):
        table.add_column(header)
    server = embedded.read(settings)
    if server is not None:
        state = "running" if embedded.is_running(settings) else "stopped"
        table.add_row("PostgreSQL (embedded)", state, f"127.0.0.1:{server.port}, log {embedded.log_path(settings)}")
    if settings.warehouse_url is not None:
        place = warehouse_parameters(settings)
        table.add_row("PostgreSQL (own)", "", f"{place['host']}:{place['port']}/{place['dbname']}")
    said = services.health(settings)
    for component in services.components(settings):
        part = component.name.replace("-", "_")
        state = "stopped" if component.pid is None else f"running, {said.get(part, 'healthy' if said else 'starting')}"
        table.add_row(f"Airflow {component.name}", state, str(component.log))
    out.print(table)
    if said:
        out.print(f"Airflow: {services.address(settings)}")
    try:
        _print_warehouse(out, settings)
    except PostloanError as error:
        out.print(f"Warehouse: {error.what}", markup=False)
        if error.next_command:
            out.print(f"next: {error.next_command}", markup=False)


def _print_warehouse(out: Console, settings: Settings) -> None:
    with connect(settings, application_name="postloan:status") as connection:
        published = connection.execute(
            "select business_date, run_id, is_keyframe, known_date from ops.publication join ops.run using (run_id, "
            "business_date) group by 1, 2, 3, 4 order by business_date desc"
        ).fetchall()
        writer = connection.execute(
            "select run.run_id, run.business_date, run.attempt from ops.writer join ops.run using (run_id)"
        ).fetchone()
        due = connection.execute("select count(distinct business_date) from ops.restatement_due").fetchone()
        waiting = connection.execute(
            "select count(*) filter (where state = 'OPEN'), count(*) filter (where state = 'FIXED'), "
            "count(*) filter (where reason_code = 'unlawful_inquiry') "
            "from quarantine.row_state where state in ('OPEN', 'FIXED')"
        ).fetchone()
        breaks = connection.execute(
            "select count(*), min(first_seen_date) from serving.recon_break where known_break_id is null"
        ).fetchone()
        silent = connection.execute(
            "select distinct source_code, status_code from serving.recon_summary where compared_count is null "
            "order by 1"
        ).fetchall()
    table = Table(title=f"Published: {len(published)} business dates", title_justify="left")
    for header in ("business date", "run", "known", "rows"):
        table.add_column(header)
    for business_date, run_id, is_keyframe, known_date in published[:10]:
        table.add_row(str(business_date), run_id, str(known_date), "every loan" if is_keyframe else "touched loans")
    out.print(table)
    if writer:
        out.print(f"Run {writer[0]} of {writer[1]} holds the warehouse (attempt {writer[2]})")
    if due and due[0]:
        out.print(f"{due[0]} published dates are concerned by corrections: postloan restate")
    if waiting and sum(waiting[:2]):
        unlawful = f", {waiting[2]:,} of them unlawful bureau pulls" if waiting[2] else ""
        out.print(
            f"In quarantine: {waiting[0]:,} rows open, {waiting[1]:,} corrected and not released{unlawful}: "
            "postloan quarantine list"
        )
    if breaks and breaks[0]:
        out.print(f"{breaks[0]:,} balances differ from the core's or the ledger's, the oldest since {breaks[1]}")
    for source, why in silent:
        out.print(f"Not reconciled with {source}: {why}")


def print_diagnosis(out: Console, settings: Settings) -> bool:
    """Every check on a line; a problem with what to do about it. True when there is none."""
    table = Table(title="postloan doctor", title_justify="left")
    for header in ("check", "found", "what to do"):
        table.add_column(header)
    is_well = True
    for name, check in CHECKS.items():
        try:
            found = check(settings)
            if isinstance(found, Warned):
                table.add_row(name, f"[yellow]{found.found}[/]", found.next_command)
            else:
                table.add_row(name, found, "")
        except PostloanError as error:
            is_well = False
            table.add_row(name, f"[red]{error.what}[/]", error.next_command or "see the message")
    out.print(table)
    return is_well


def _python(_: Settings) -> str:
    if not (3, 11) <= sys.version_info < (3, 14):
        raise PostloanError(f"Python {sys.version.split()[0]}; 3.11, 3.12 or 3.13 is needed", next_command="make run")
    return sys.version.split()[0]


def _home(settings: Settings) -> str:
    home = settings.home.resolve()
    existing = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        raise PostloanError(f"{existing} cannot be written", next_command="POSTLOAN_HOME=$HOME/postloan make run")
    free = shutil.disk_usage(existing).free
    if free < MINIMUM_FREE_BYTES:
        raise PostloanError(f"only {free / 1e9:.1f} GB are free in {existing}", next_command="df -h")
    return f"{home}, {free / 1e9:.0f} GB free"


def _private(settings: Settings) -> str:
    home = settings.home.resolve()
    kept = [home / "pg18" / "server.json", home / "airflow" / "secrets.json", home / "airflow" / "passwords.json"]
    kept += [settings.keys / "token_keys.json", settings.keys / "vault_keys.json"]
    for path in kept:
        if path.exists() and path.stat().st_mode & 0o077:
            raise PostloanError(f"{path} can be read by others", next_command=f"chmod 600 '{path}'")
    return "readable by their owner alone"


def _warehouse(settings: Settings) -> str:
    with connect(settings, role=None, application_name="postloan:doctor") as connection:
        version = connection.info.parameter_status("server_version")
    return f"PostgreSQL {version}, UTF8"


def _rights(settings: Settings) -> str:
    """What the login of an own server needs: its database, and roles to hand out."""
    with connect(settings, role=None, application_name="postloan:doctor") as connection:
        row = connection.execute(
            "select current_user, current_database(), rolcreaterole or rolsuper, "
            "pg_catalog.has_database_privilege(current_database(), 'create'), "
            "(select datlocprovider = 'b' or datcollate in ('C', 'POSIX') from pg_database "
            "where datname = current_database()) from pg_roles where rolname = current_user"
        ).fetchone()
    login, database, may_create_roles, may_create_schemas, is_plain_order = row or ("", "", False, False, False)
    if not may_create_roles:
        raise PostloanError(f"{login} may not create roles", next_command=f'psql -c "alter role {login} createrole"')
    if not may_create_schemas:
        owner = f'psql -c "alter database {database} owner to {login}"'
        raise PostloanError(f"{login} may not create schemas in {database}", next_command=owner)
    # ties are broken by keys, so the order of text decides which of two equal rows a file lists first
    order = "" if is_plain_order else "; text is not sorted by code point: files may list ties in another order"
    return f"{login} may create roles and schemas{order}"


def _schema(settings: Settings) -> str:
    with connect(settings, application_name="postloan:doctor") as connection:
        try:
            row = connection.execute("select count(*) from ops.migration").fetchone()
        except psycopg.errors.UndefinedTable:
            raise PostloanError("the warehouse is not migrated", next_command="postloan migrate") from None
    return f"{row[0] if row else 0} migrations"


def _landing(settings: Settings) -> str:
    if not settings.landing.exists():
        return f"{settings.landing} (nothing has arrived yet)"
    return f"{settings.landing}, {sum(1 for _ in settings.landing.rglob('manifest.json')):,} deliveries"


def _contracts(settings: Settings) -> str:
    from include.sources.contract_check import check_contracts

    found = check_contracts(settings.contracts_dir)
    if found.problems:
        raise PostloanError(found.problems[0], next_command="postloan contract check")
    fetched = sum(1 for system in load_systems().values() if system.is_fetched)
    place = settings.contracts_dir or "include/contracts"
    return f"{place}, {len(found.lines)} systems, {fetched} of them fetched from"


def _airflow(settings: Settings) -> str:
    stopped = [component.name for component in services.components(settings) if component.pid is None]
    if len(stopped) == len(services.COMPONENTS):
        return "not running"
    said: dict[str, Any] = services.health(settings)
    ill = [part for part, state in said.items() if state not in {"healthy", "None"}]
    if stopped or ill or not said:
        what = ", ".join(stopped + ill) or "api-server"
        raise PostloanError(f"not healthy: {what}; logs in {Path(settings.home) / 'logs'}", next_command="postloan up")
    return f"healthy at {services.address(settings)}"


def today(settings: Settings) -> date:
    """The date that people read on their wall."""
    return datetime.now(ZoneInfo(settings.timezone)).date()


def _calendar(settings: Settings) -> str | Warned:
    last, day = covered_until(), today(settings)
    if last is None or last < day:
        raise PostloanError(f"the business calendar ended on {last}: no workday is known", next_command=EXTEND)
    known = f"workdays are known until {last}"
    if ends_soon(day):
        return Warned(f"{known}, {(last - day).days} days: the next year has to be entered", EXTEND)
    return known


CHECKS: dict[str, Callable[[Settings], str | Warned]] = {
    "Python": _python,
    "home": _home,
    "secrets": _private,
    "warehouse": _warehouse,
    "rights": _rights,
    "schema": _schema,
    "contracts": _contracts,
    "landing": _landing,
    "calendar": _calendar,
    "Airflow": _airflow,
}
