"""``postloan vault``: personal data, and the three things that people may do with it."""

import getpass
from typing import Annotated

import typer

from include.cli_base import Reason, Verbs, Yes, say, settings_of_this_process
from include.errors import PostloanError

vault_app = typer.Typer(
    cls=Verbs, no_args_is_help=True, help="Personal data: reveal one value, forget one borrower, rotate the keys."
)
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="who does this; default: this machine's user")]


@vault_app.command("reveal")
def reveal_value(token: Annotated[str, typer.Argument(metavar="TOKEN")], reason: Reason, by: By = None) -> None:
    """Show the value behind one token. Who, what and why are kept before it is shown; an hour has its limit."""
    from include.vault.reveal import reveal

    say(reveal(settings_of_this_process(), token, actor=by or getpass.getuser(), reason=reason))


@vault_app.command("erase")
def erase_borrower(
    borrower_id: Annotated[str, typer.Argument(metavar="BORROWER_ID")],
    reason: Reason,
    approver: Annotated[str, typer.Option(help="somebody else, who agrees")],
    by: By = None,
    yes: Yes = False,
) -> None:
    """Forget a borrower for good: values, masked forms, refused texts, delivered files. Published rows stand."""
    from include.vault.erase import erase

    settings = settings_of_this_process()
    if not yes:
        typer.confirm(f"Forget borrower {borrower_id} for good? Nothing brings the values back", abort=True)
    done = erase(settings, borrower_id, reason=reason, actor=by or getpass.getuser(), approver=approver)
    say(f"borrower {done.borrower_id} is forgotten: {done.values_erased} values, {done.texts_erased} refused texts")
    if done.values_shared:
        say(f"  {done.values_shared} values stay: others have the same")
    for name in done.files_removed:
        say(f"  removed: {name}")
    for name in done.waiting:
        say(f"  not landed yet, and holds the borrower: {name}. Land it or take it away, then run this again")


@vault_app.command("rotate-key")
def rotate_key(which: Annotated[str, typer.Argument(metavar="token|vault|both")] = "both", by: By = None) -> None:
    """Make a new key: for tokens of new values, and for everything that the vault holds."""
    from include.vault.rotate import rotate

    if which not in ("token", "vault", "both"):
        raise PostloanError(f"{which!r} is none of token, vault, both", next_command="postloan vault rotate-key --help")
    settings = settings_of_this_process()
    for purpose in ("token", "vault"):
        if which in (purpose, "both"):
            version, sealed_again = rotate(settings, purpose, actor=by or getpass.getuser())
            again = f", {sealed_again:,} values were sealed again" if purpose == "vault" else ""
            say(f"{purpose} key v{version} is current{again}")
