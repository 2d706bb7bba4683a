"""abandon: gives the warehouse back when nobody works on a run any more."""

from include.errors import RefusedError
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import PUBLISHER
from include.warehouse.runs import end_run, load_run


def abandon(run_id: str, settings: Settings) -> None:
    """End an open run and every backend of its attempt; nothing of it was ever shown. Its date may be run again."""
    with connect(settings, role=PUBLISHER, application_name="postloan:abandon") as connection:
        run = load_run(connection, run_id)
        if run.status != "OPEN":
            raise RefusedError(f"run {run_id} of {run.business_date} has ended as {run.status}: nothing to abandon")
        connection.execute("select ops.end_backends(%s)", (run.application_name,))
        end_run(connection, run_id, "ABANDONED", "abandoned by a person")
