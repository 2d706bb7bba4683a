"""Registers with Airflow what its scheduler has to know by name ([core] plugins_folder points here)."""

from airflow.plugins_manager import AirflowPlugin

from dags.publish_deadline import DayAfterAt


class PostloanPlugin(AirflowPlugin):
    name = "postloan"
    deadline_references = [DayAfterAt]  # noqa: RUF012 (the base class reads it as a plain attribute)
