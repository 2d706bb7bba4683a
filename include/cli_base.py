"""What every command of ``postloan`` shares: dates as arguments, errors that people can read, output."""

import logging
import os
import re
from datetime import date
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from include.errors import PostloanError


class Verbs(TyperGroup):
    """Shows an error that people are meant to read as one message and the next command, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PostloanError as error:
            _show(error)
            raise typer.Exit(1) from error
        except Exception as error:
            # by name, because importing psycopg would slow down every help text
            kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("psycopg")}
            reason = " ".join(str(error).split("\nCONTEXT")[0].split())
            if "InsufficientPrivilege" in kinds:
                _show(PostloanError(f"The warehouse's login may not do this: {reason}", next_command="postloan doctor"))
            elif "OperationalError" in kinds:
                _show(PostloanError(f"The warehouse went away: {reason}", next_command="postloan status"))
            else:
                raise
            raise typer.Exit(1) from error


def _show(error: PostloanError) -> None:
    from rich.console import Console
    from rich.text import Text

    err = Console(stderr=True, highlight=False, soft_wrap=True)
    err.print(Text(error.what, style="red"))
    if error.next_command:
        err.print(Text(f"next: {error.next_command}", style="bold"))


class RunVerbs(Verbs):
    """``postloan run 2026-01-31`` means ``postloan run date 2026-01-31``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and (re.match(r"\d", args[0]) or args[0].startswith("--date")):
            args = ["date", *args]
        return super().parse_args(ctx, args)


def a_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date like 2026-01-31") from None


BusinessDate = Annotated[date, typer.Argument(parser=a_date, metavar="DATE", help="business date, like 2026-01-31")]
From = Annotated[date, typer.Option("--from", parser=a_date, metavar="DATE", help="first business date")]
To = Annotated[date, typer.Option("--to", parser=a_date, metavar="DATE", help="last business date, included")]
Reason = Annotated[str, typer.Option(help="why; an auditor will read it")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]


def settings_of_this_process() -> Any:
    from pydantic import ValidationError

    from include.settings import load_settings

    os.umask(0o077)  # what a command writes holds loan data: its owner's alone
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("include").setLevel(logging.INFO)
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    try:
        return load_settings()
    except ValidationError as error:
        wrong = "; ".join(f"POSTLOAN_{str(problem['loc'][0]).upper()}: {problem['msg']}" for problem in error.errors())
        raise PostloanError(wrong, next_command="cat .env.example") from None


def console() -> Any:
    from include.cli_tables import console as wide_console

    return wide_console()


def say(line: str) -> None:
    console().print(line, markup=False, soft_wrap=True)
