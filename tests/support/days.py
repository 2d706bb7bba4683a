"""One business date in process, as fast as a test of many dates needs it."""

from datetime import date

from pydantic import SecretStr

from include import dbt
from include.jobs.audit import audit
from include.jobs.decide import decide
from include.jobs.land import land
from include.jobs.open_run import open_run
from include.jobs.publish import publish
from include.jobs.score import score
from include.jobs.transform import transform
from include.landing.contract import load_systems
from include.settings import Settings
from include.warehouse.connection import connect

_parsed: set[SecretStr | None] = set()


def parse_once(settings: Settings) -> None:
    """One parse of the dbt project for all dates of a test's database."""
    if settings.warehouse_url not in _parsed:
        dbt.keep_manifest(settings)
        _parsed.add(settings.warehouse_url)


def land_all(business_date: date, settings: Settings) -> None:
    for system in sorted(load_systems()):
        land(business_date, system, settings)


def compute(business_date: date, settings: Settings, *, audited: bool = True) -> str:
    """Everything from open_run to publish; returns the run_id.

    ``audited=False`` notes the audits as passed: a test over sixty dates audits some of them for real.
    """
    parse_once(settings)
    run_id = open_run(business_date, settings)
    transform(run_id, settings)
    _audit(run_id, settings, "marts", audited)
    score(run_id, settings)
    decide(run_id, settings)
    _audit(run_id, settings, "lists", audited)
    publish(run_id, settings)
    return run_id


def _audit(run_id: str, settings: Settings, stage: str, audited: bool) -> None:
    if audited:
        audit(run_id, settings, stage=stage)
        return
    with connect(settings, role="postloan_owner") as connection:
        connection.execute(
            "insert into ops.run_step (run_id, attempt, step, status) "
            "select run_id, attempt, %s, 'DONE' from ops.run where run_id = %s",
            (f"audit_{stage}", run_id),
        )
