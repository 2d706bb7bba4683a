"""The hour by which the lists of a business date should be out.

Airflow's own reference, the time at which a run was queued, is of no use here: for backfills it says nothing, and in
3.3 a run that has it cannot be cleared (apache/airflow#70368).
"""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass
class DayAfterAt(BaseDeadlineReference):
    """``hour`` o'clock in ``timezone`` on the day after a run's partition key; none for a date whose hour is past."""

    hour: int = 8
    timezone: str = "Asia/Shanghai"
    required_kwargs = {"dag_id", "run_id"}  # noqa: RUF012 (Airflow reads it as a plain attribute)

    def serialize_reference(self) -> dict[str, Any]:
        return {"reference_type": self.reference_name, "hour": self.hour, "timezone": self.timezone}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> "DayAfterAt":
        return cls(reference_data["hour"], reference_data["timezone"])

    def due(self, partition_key: str | None) -> datetime | None:
        """The moment for a key. Never raises: the scheduler asks while it makes the run."""
        try:
            day_after = date.fromisoformat(partition_key or "") + timedelta(days=1)
        except ValueError:
            return None
        zone = ZoneInfo(self.timezone)
        moment = datetime(day_after.year, day_after.month, day_after.day, self.hour, tzinfo=zone)
        return moment if moment.timestamp() > time.time() else None

    def _evaluate_with(self, *, session: "Session", dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        run = select(DagRun.partition_key).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        return self.due(session.scalar(run))
