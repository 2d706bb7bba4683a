"""Waiting for a delivery in the triggerer, without holding a worker, until it is there or its time is over."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import BaseTrigger, TriggerEvent

from dags.run_key import as_date
from include.settings import load_settings

POLL_SECONDS = 5.0


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

    It only waits: what a missing delivery means, an error or a stale source, ``include.jobs.land`` decides.
    ``wait_minutes`` is for a person who knows that a late file is on its way: wait so long from now, deadline or not.
    """

    template_fields = ("business_date", "wait_minutes")

    def __init__(self, *, system: str, business_date: str, wait_minutes: str = "0", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.system, self.business_date, self.wait_minutes = system, business_date, wait_minutes

    def execute(self, context: Context) -> dict[str, Any]:
        from include.jobs.land import deadline, manifest_paths

        day, settings = as_date(self.business_date), load_settings()
        manifests = [str(path) for path in manifest_paths(day, self.system, settings)]
        wait_until = max(deadline(day, self.system, settings).timestamp(), time.time() + 60 * float(self.wait_minutes))
        if not any_exists(manifests) and time.time() < wait_until:
            self.defer(trigger=ManifestTrigger(manifests, wait_until), method_name="land")
        return self.land(context)

    def land(self, context: Context, event: bool | None = None) -> dict[str, Any]:
        from include.jobs.land import land

        return land(as_date(self.business_date), self.system, load_settings())


def any_exists(paths: list[str]) -> bool:
    return any(Path(path).is_file() for path in paths)
