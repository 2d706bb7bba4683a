"""One business date in process, as fast as a test of many dates needs it."""

from datetime import date
from typing import Any

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
from include.warehouse.connection import connect, dbt_environment

_parsed: list[tuple[str, Any]] = []  # the one manifest of this worker, and the database that it names now


def parse_once(settings: Settings) -> None:
    """One parse of the dbt project for all databases of a worker: nothing in it differs but the database's name."""
    name = dbt_environment(settings)["POSTLOAN_DBT_DBNAME"]
    if not _parsed:
        dbt.keep_manifest(settings)
        _parsed.append((name, dbt._manifests[name]))
    before, manifest = _parsed[0]
    if before != name:
        for node in (*manifest.nodes.values(), *manifest.sources.values()):
            node.database = name
            if node.relation_name:
                node.relation_name = node.relation_name.replace(f'"{before}".', f'"{name}".')
        _parsed[0] = (name, manifest)
    dbt._manifests.clear()
    dbt._manifests[name] = manifest


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
