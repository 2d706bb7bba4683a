"""Waiting for a delivery in the triggerer, without holding a worker, until it is there or its time is over."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import BaseTrigger, TriggerEvent

from dags.run_key import as_date
from include.errors import SourceError
from include.landing.contract import load_systems
from include.landing.discover import is_waited_for
from include.settings import Settings, load_settings

POLL_SECONDS = 5.0
ASK_AGAIN_SECONDS = 300.0  # a source that we fetch from is not asked more often


class ManifestTrigger(BaseTrigger):
    """Fires once: when one of ``manifests`` exists, or at ``wait_until`` (seconds since 1970, UTC) without one."""

    def __init__(self, manifests: list[str], wait_until: float, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__()
        self.manifests, self.wait_until, self.poll_seconds = manifests, wait_until, poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        arguments = {"manifests": self.manifests, "wait_until": self.wait_until, "poll_seconds": self.poll_seconds}
        return "dags.delivery_wait.ManifestTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while not (arrived := any_exists(self.manifests)) and time.time() < self.wait_until:
            await asyncio.sleep(self.poll_seconds)
        yield TriggerEvent(arrived)


class LandDelivery(BaseOperator):
    """Lands one system's delivery of a business date; defers until its manifest is there or its deadline has passed.

    Where the delivery is to be fetched, that is tried first, and again until the deadline.

    It only waits: what a missing delivery means, an error or a stale source, ``include.jobs.land`` decides.
    ``wait_minutes`` is for a person who knows that a late file is on its way: wait so long from now, deadline or not.
    """

    template_fields = ("business_date", "wait_minutes")

    def __init__(self, *, system: str, business_date: str, wait_minutes: str = "0", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.system, self.business_date, self.wait_minutes = system, business_date, wait_minutes

    def execute(self, context: Context) -> dict[str, Any]:
        from include.landing.discover import HISTORY_FOLDER, daily_folder
        from include.landing.manifest import MANIFEST_NAME

        day, settings = as_date(self.business_date), load_settings()
        wait_until = max(deadline(day, self.system, settings), time.time() + 60 * float(self.wait_minutes))
        if load_systems()[self.system].is_fetched:
            return self.fetch(context, wait_until=wait_until)
        folder = daily_folder(settings.landing, self.system, day)
        # a history that ends on the date is this date's delivery too
        manifests = [str(folder / MANIFEST_NAME), str(folder / HISTORY_FOLDER / MANIFEST_NAME)]
        is_due = is_waited_for(settings.landing, self.system) and not any_exists(manifests)
        if is_due and time.time() < wait_until:
            self.defer(trigger=ManifestTrigger(manifests, wait_until), method_name="land")
        return self.land(context)

    def fetch(self, context: Context, event: bool | None = None, *, wait_until: float) -> dict[str, Any]:
        """Fetch, then land. Until ``wait_until`` a source that is not ready, or that fails, is asked again."""
        from dags.source_connection import through_airflow
        from include.jobs.fetch import fetch, note_failure

        day, settings = as_date(self.business_date), load_settings()
        failed: SourceError | None = None
        try:
            is_there = fetch(day, self.system, settings, through_airflow()).is_there
        except SourceError as error:
            failed, is_there = error, False
            self.log.warning("%s could not be fetched: %s", self.system, error.what)
        if not is_there and is_waited_for(settings.landing, self.system) and time.time() < wait_until:
            again = ManifestTrigger([], min(wait_until, time.time() + ASK_AGAIN_SECONDS))
            self.defer(trigger=again, method_name="fetch", kwargs={"wait_until": wait_until})
        if failed is not None:
            if load_systems()[self.system].required:
                raise failed
            note_failure(day, self.system, settings, failed)
        return self.land(context)

    def land(self, context: Context, event: bool | None = None) -> dict[str, Any]:
        from include.jobs.land import land

        result = land(as_date(self.business_date), self.system, load_settings())
        if not result.is_complete:
            self.log.warning("STALE: %s has not delivered %s; the day goes on without", self.system, self.business_date)
        return result.as_dict()


def deadline(business_date: date, system: str, settings: Settings) -> float:
    """Until when a date's delivery is waited for, in seconds since 1970 (UTC)."""
    hour, minute = load_systems()[system].deadline.split(":")
    day_after = business_date + timedelta(days=1)
    zone = ZoneInfo(settings.timezone)
    return datetime(day_after.year, day_after.month, day_after.day, int(hour), int(minute), tzinfo=zone).timestamp()


def any_exists(paths: list[str]) -> bool:
    return any(Path(path).is_file() for path in paths)
