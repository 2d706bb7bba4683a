"""``postloan contract``, ``postloan manifest``, ``postloan fetch``: connect a lender without writing code."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from include.cli_base import BusinessDate, Verbs, a_date, say, settings_of_this_process
from include.errors import PostloanError

contract_app = typer.Typer(cls=Verbs, no_args_is_help=True)
SystemName = Annotated[str, typer.Argument(metavar="SYSTEM", help="a source system, like core_banking")]
Encoding = Annotated[str | None, typer.Option(help="utf-8 or gb18030; default: what the contract says, else utf-8")]
KnownDate = Annotated[
    date | None,
    typer.Option("--known-date", parser=a_date, metavar="DATE", help="of a correction: the date that first uses it"),
]


@contract_app.command("check")
def check(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="default: POSTLOAN_CONTRACTS_DIR, or our own contracts")
    ] = None,
) -> None:
    """Check contracts and name everything that is missing; then say who delivers what and from where."""
    from include.sources.contract_check import check_contracts

    settings = settings_of_this_process()
    found = check_contracts(folder or settings.contracts_dir)
    for line in found.lines:
        say(line)
    if found.problems:
        raise PostloanError("\n".join(found.problems))


@contract_app.command("try")
def try_files(
    system: SystemName,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="delivered files, named as they come")],
    encoding: Encoding = None,
    table: Annotated[str | None, typer.Option(help="whose files they are, if their names do not say it")] = None,
) -> None:
    """Judge files by their contract without loading anything. Exit code 1 when a row is bad or a file unreadable."""
    from include.sources.contract_check import try_file

    settings_of_this_process()
    bad = 0
    for path in files:
        name, trial = try_file(system, path, encoding, table)
        say(
            f"{path.name}: {name}, {trial.rows:,} rows: {trial.good:,} good, {trial.bad:,} bad, "
            f"{trial.duplicates:,} exact duplicates; control total {trial.control_total}"
        )
        for warning in trial.warnings:
            say(f"  note: {warning}")
        for (column, reason), count in trial.reasons.most_common():
            say(f"  {count:,} x {f'{column}: ' if column else ''}{reason}")
        for line in trial.first_bad:
            say(f"  line {line.line}: {line.masked_text}")
        bad += trial.bad
    if bad:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """The verbs that stand beside the others."""
    app.add_typer(contract_app, name="contract", help="Check contracts, and try files against them.")
    app.command("manifest")(manifest)
    app.command("fetch")(fetch)


def manifest(
    system: SystemName, business_date: BusinessDate, encoding: Encoding = None, known_date: KnownDate = None
) -> None:
    """Write the manifest of the files in a landing folder, for senders who cannot. Compare its figures with theirs."""
    from include.sources.manifests import write_manifest_of

    settings = settings_of_this_process()
    path, written = write_manifest_of(system, business_date, settings, encoding=encoding, known_date=known_date)
    for table in written.tables:
        for file in table.ordered_files:
            say(f"{file.name}: {file.row_count:,} rows, control total {file.control_total}")
    say(f"{path}: complete. Next: postloan land {business_date} --system {system}")


def fetch(system: SystemName, business_date: BusinessDate, known_date: KnownDate = None) -> None:
    """Fetch a date from its source into the landing folder; of a landed date, what the source says otherwise by now.

    Connections come from POSTLOAN_CONNECTION_<NAME>; `postloan land` and `postloan run` fetch by themselves.
    """
    from include.jobs.fetch import fetch as fetch_date
    from include.jobs.fetch import fetch_again, has_landed, next_use

    settings = settings_of_this_process()
    if has_landed(business_date, system, settings):
        known = known_date or next_use(business_date, settings)
        result = fetch_again(business_date, system, known, settings)
        if not result.put:
            say(f"{system} {business_date}: the source still says what was delivered; nothing to correct")
            return
        say(f"{result.put[0]}: a correction, first used by the run of {known}")
        say(f"next: postloan land {known} --system {system}")
        return
    result = fetch_date(business_date, system, settings)
    for path in result.put:
        say(path)
    if not result.is_there:
        raise PostloanError(
            f"the source of {system} has nothing of {business_date} yet",
            next_command=f"postloan fetch {system} {business_date}",
        )
    say(f"{result.rows:,} rows fetched. Next: postloan land {business_date} --system {system}")
