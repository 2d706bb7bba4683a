"""``postloan train``: a draft of a model, for people to validate and approve."""

from datetime import date
from typing import Annotated

import typer

from include.cli_base import a_date, say, settings_of_this_process
from include.errors import RefusedError


def train(
    model_code: Annotated[str, typer.Argument(metavar="MODEL", help="such as late30_in_90d")],
    version: Annotated[str, typer.Option(help="of the draft, such as 2026.1")],
    author: Annotated[str, typer.Option(help="who trains; another person validates, a third approves")],
    business_date: Annotated[date | None, typer.Option("--date", parser=a_date, metavar="DATE")] = None,
    watermark: Annotated[
        str | None, typer.Option(help="said beside every score: the book is not the lender's own")
    ] = None,
) -> None:
    """Train a model on the month-ends that a published date knows, judge it out of time, write its evidence."""
    from include.daily import counts_of, published_runs
    from include.jobs.train import train as train_model

    settings = settings_of_this_process()
    published = published_runs(settings)
    if business_date is None and published:
        business_date = max(published)
    if business_date is None or business_date not in published:
        raise RefusedError(
            f"{business_date or 'no date'} is not published: nothing to train on", next_command="postloan status"
        )
    made = train_model(
        published[business_date], settings, model_code=model_code, version=version, author=author, watermark=watermark
    )
    say(f"train {model_code} {version} as of {business_date}: {counts_of(made)}")
    if made["status"] == "DRAFT":
        say(
            f"a draft: let another person read {made['folder']}/card.zh.md and figures.csv; to propose it, copy "
            f"card.json to models/{model_code}/{version}/ and add its rows to the policy model_registry.csv"
        )


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this file to the command."""
    app.command()(train)
