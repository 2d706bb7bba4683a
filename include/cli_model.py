"""``postloan train`` and ``postloan model``: drafts for people to validate, and how models in use are doing."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli_base import Verbs, a_date, say, settings_of_this_process
from include.errors import RefusedError

if TYPE_CHECKING:
    from include.settings import Settings

model_app = typer.Typer(cls=Verbs, no_args_is_help=True, help="Models: watch those in use, judge and review drafts.")
Model = Annotated[str, typer.Argument(metavar="MODEL", help="such as late30_in_90d")]
Version = Annotated[str, typer.Option(help="of the draft, such as 2026.1")]
Date = Annotated[date | None, typer.Option("--date", parser=a_date, metavar="DATE", help="default: the latest")]


def train(
    model_code: Model,
    version: Version,
    author: Annotated[str, typer.Option(help="who trains; another person validates, a third approves")],
    business_date: Date = None,
    watermark: Annotated[
        str | None, typer.Option(help="said beside every score: the book is not the lender's own")
    ] = None,
) -> None:
    """Train a model on the month-ends that a published date knows, judge it out of time, write its evidence."""
    from include.daily import counts_of
    from include.jobs.train import train as train_model

    settings = settings_of_this_process()
    business_date, run_id = _published(settings, business_date)
    made = train_model(run_id, settings, model_code=model_code, version=version, author=author, watermark=watermark)
    say(f"train {model_code} {version} as of {business_date}: {counts_of(made)}")
    if made["status"] == "DRAFT":
        say(
            f"a draft: let another person read {made['folder']}/card.zh.md and figures.csv, "
            f"then: postloan model review {model_code} --version {version} --reviewer NAME"
        )


@model_app.command("monitor")
def monitor(business_date: Date = None) -> None:
    """Measure drift, ranks and performance of every champion and challenger on the month-ends that a date knows."""
    from include.daily import counts_of
    from include.jobs.model_monitor import model_monitor

    settings = settings_of_this_process()
    business_date, run_id = _published(settings, business_date)
    seen = model_monitor(run_id, settings)
    for version, status in seen["versions"].items():
        say(f"{version}  {status}")
    if not seen["versions"]:
        say(f"no version of any model is in use on {business_date}")
    else:
        say(f"monitor {business_date}: {counts_of(seen)}")


@model_app.command("evaluate")
def evaluate(model_code: Model, version: Version, business_date: Date = None) -> None:
    """Judge a draft beside the champion in force, on month-ends that it has not learned from."""
    from include.jobs.model_evaluate import model_evaluate

    settings = settings_of_this_process()
    _, run_id = _published(settings, business_date)
    made = model_evaluate(run_id, settings, model_code=model_code, version=version)
    say(f"{model_code} {version}: {made['verdict']}, n {made['rows']:,}, bads {made['bads']:,}")
    for name, area in sorted(made["areas"].items()):
        say(f"  AUC {area:.4f}  {name}")


@model_app.command("review")
def review(
    model_code: Model,
    version: Version,
    reviewer: Annotated[str, typer.Option(help="who has read the evidence; not its author")],
    reject: Annotated[bool, typer.Option("--reject", help="say no; the default is to validate")] = False,
    remark: Annotated[str, typer.Option(help="kept beside the decision")] = "",
    business_date: Date = None,
) -> None:
    """Keep what a person says of a draft, and print the policy rows to commit. Nothing comes into force by this."""
    from include.jobs.model_review import APPROVED, REJECTED, model_review, next_steps

    settings = settings_of_this_process()
    _, run_id = _published(settings, business_date)
    decision = REJECTED if reject else APPROVED
    said = model_review(
        run_id, settings, model_code=model_code, version=version, reviewer=reviewer, decision=decision, remark=remark
    )
    say(next_steps(said))


@model_app.command("list")
def list_models(business_date: Date = None) -> None:
    """Every version in use on a date with the worst of its readings, and the drafts that wait for people."""
    from include.jobs.model_month import drafts_waiting, versions_with_status

    settings = settings_of_this_process()
    business_date, run_id = _published(settings, business_date)
    in_use = versions_with_status(run_id, settings)
    for model_code, version, state, status in in_use:
        say(f"{model_code}  {version}  {state}  {status}")
    if not in_use:
        say(f"no version of any model is in use on {business_date}: every loan says NO_MODEL_YET")
    for model_code, version in drafts_waiting(settings):
        say(f"{model_code}  {version}  draft in {settings.exports / 'models' / model_code / version}")


def _published(settings: "Settings", business_date: date | None) -> tuple[date, str]:
    """The date and its run; default: the latest that is published. Raises RefusedError where there is none."""
    from include.daily import published_runs

    published = published_runs(settings)
    if business_date is None and published:
        business_date = max(published)
    if business_date is None or business_date not in published:
        raise RefusedError(
            f"{business_date or 'no date'} is not published: nothing to look at",
            next_command="postloan status",
        )
    return business_date, published[business_date]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this file to the command."""
    app.command()(train)
