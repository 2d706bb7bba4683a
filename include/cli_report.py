"""``postloan report``: the day's page as a file of one's own, in the language that one reads first."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from include.cli_base import BusinessDate, say, settings_of_this_process


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


SETTING_OF = {Language.ZH: "zh-CN", Language.EN: "en"}


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(report)


def report(
    business_date: BusinessDate,
    language: Annotated[Language | None, typer.Option(help="shown first; default: as the settings say")] = None,
    output: Annotated[Path | None, typer.Option(help="where to; default: report_DATE.html in this folder")] = None,
) -> None:
    """Write the daily report of a published date as one HTML file; nothing but a browser is needed to read it."""
    from include.durable_files import write_durably
    from include.jobs.report import report as make_report

    settings = settings_of_this_process()
    if language is not None:
        settings = settings.model_copy(update={"language": SETTING_OF[language]})
    run_id, page = make_report(business_date, settings)
    path = output or Path(f"report_{business_date}.html")
    write_durably(path, page)
    say(f"{path.resolve()}: {business_date}, run {run_id}")
