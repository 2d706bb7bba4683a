"""One business date, from its files to its published lists, in this process: the same jobs that the DAG calls."""

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from include.errors import PostloanError
from include.settings import Settings

Report = Callable[[str], None]


@dataclass(frozen=True)
class PlannedDate:
    """What a backfill would do for one date. ``run_id``: published already; ``missing``: systems without delivery."""

    business_date: date
    run_id: str | None
    missing: tuple[str, ...]


def run_date(business_date: date, settings: Settings, report: Report) -> str:
    """Land, compute, audit, publish and deliver one date; returns its run_id. A published date is left as it is.

    ``report`` gets a line a step. Raises PostloanError where a step refuses; what was published before stands then.
    """
    from include.jobs.audit import audit
    from include.jobs.decide import decide
    from include.jobs.deliver import deliver
    from include.jobs.fetch import fetch_or_go_on
    from include.jobs.land import land
    from include.jobs.open_run import open_run
    from include.jobs.publish import publish
    from include.jobs.score import score
    from include.jobs.transform import transform
    from include.landing.contract import load_systems
    from include.landing.discover import connected_systems

    for system in connected_systems(settings.landing):
        if load_systems()[system].is_fetched:
            _timed(report, f"fetch {system}", functools.partial(fetch_or_go_on, business_date, system, settings))
        _timed(report, f"land {system}", functools.partial(land, business_date, system, settings))
    before = published_runs(settings).get(business_date)
    run_id = str(_timed(report, "open_run", lambda: open_run(business_date, settings)))
    if run_id == before:
        report(f"{business_date} is published already as run {run_id}: nothing to do")
        deliver(run_id, settings)  # completes a delivery that was cut short; a complete one is left alone
        return run_id
    _timed(report, "transform", lambda: transform(run_id, settings))
    _timed(report, "audit marts", lambda: audit(run_id, settings, stage="marts"))
    _timed(report, "score", lambda: score(run_id, settings))
    _timed(report, "decide", lambda: decide(run_id, settings))
    _timed(report, "audit lists", lambda: audit(run_id, settings, stage="lists"))
    _timed(report, "publish", lambda: publish(run_id, settings))
    _timed(report, "deliver", lambda: deliver(run_id, settings))
    return run_id


def plan(first: date, last: date, settings: Settings) -> list[PlannedDate]:
    """What a backfill of ``first`` to ``last``, both included, would do, in its order."""
    from include.jobs.land import missing_systems

    published = published_runs(settings)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        PlannedDate(day, published.get(day), () if day in published else tuple(missing_systems(day, settings)))
        for day in days
    ]


def published_runs(settings: Settings) -> dict[date, str]:
    """The run that readers see, by published business date."""
    from include.warehouse.connection import connect

    with connect(settings, application_name="postloan:status") as connection:
        return dict(connection.execute("select distinct business_date, run_id from ops.publication").fetchall())


def two_versions(what: str, against: str | None, settings: Settings) -> tuple[str, str]:
    """The two runs, older first, that ``postloan diff`` is to compare. Raises PostloanError when there is only one."""
    from include.warehouse.connection import connect
    from include.warehouse.publication import previous_run
    from include.warehouse.runs import load_run

    with connect(settings, application_name="postloan:diff") as connection:
        try:
            business_date = date.fromisoformat(what)
        except ValueError:
            left, right = (what, against) if against else (load_run(connection, what).replaces_run_id, what)
        else:
            left, right = (
                against or previous_run(connection, business_date),
                published_runs(settings).get(business_date),
            )
        if right is None:
            raise PostloanError(f"{what} is not published", next_command=f"postloan run {what}")
        if left is None:
            raise PostloanError(f"{what} has only one version, run {right}", next_command="postloan status")
        return load_run(connection, left).run_id, load_run(connection, right).run_id


def _timed(report: Report, name: str, step: Callable[[], Any]) -> Any:
    started = time.monotonic()
    result = step()
    report(f"{name:<22} {time.monotonic() - started:6.1f} s  {counts_of(result)}".rstrip())
    return result


def counts_of(result: Any) -> str:
    """The counts a job returned, on one line."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        result = dataclasses.asdict(result)
    if isinstance(result, str):
        return result
    if not isinstance(result, Mapping):
        return ""
    shown = []
    for name, value in result.items():
        if isinstance(value, list | tuple):
            shown.append(f"{name} {len(value):,}")
        elif isinstance(value, int) and not isinstance(value, bool):
            shown.append(f"{name} {value:,}")
    return ", ".join(shown)
