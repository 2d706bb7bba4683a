"""One value for one person, for a reason that is kept before the value is shown."""

from typing import LiteralString

import psycopg

from include.errors import PostloanError, RefusedError
from include.privacy import TOKEN, load_keys
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import PRIVACY

SHORTEST_REASON = 10
CONTACT_KINDS = ("full_name", "mobile_phone", "home_address")


def reveal(settings: Settings, token: str, *, actor: str, reason: str) -> str:
    """The value behind a token. Raises RefusedError when the vault has none, or the hour's looks are used up."""
    if not TOKEN.fullmatch(token):
        raise PostloanError(f"{token!r} is no token like v1:0123456789abcdef0123456789abcdef")
    if len(reason.strip()) < SHORTEST_REASON:
        raise PostloanError(f"a reason of {SHORTEST_REASON} characters or more: an auditor will read it")
    return _asked_and_shown(settings, "select vault.ask_to_reveal(%s, %s, %s)", (token, actor, reason))


def reveal_for_work(settings: Settings, borrower_id: str, kind: str, *, officer_id: str) -> str:
    """A name, number or address (one of CONTACT_KINDS) of the borrower of an officer's own item, at this moment.

    Raises RefusedError when the login does not act for the officer, the item is not the officer's, may not be contacted
    now (see ``serving.contact_eligible_now``), or the hour's looks are used up. Who, what and when are kept first.
    """
    if kind not in CONTACT_KINDS:
        raise PostloanError(f"{kind!r} is none of {', '.join(CONTACT_KINDS)}")
    return _asked_and_shown(settings, "select vault.ask_for_contact(%s, %s, %s)", (borrower_id, kind, officer_id))


def _asked_and_shown(settings: Settings, ask: LiteralString, values: tuple[str, ...]) -> str:
    """Asking and looking are two transactions: whoever has seen a value cannot take back that they asked."""
    with connect(settings, role=PRIVACY, application_name="postloan:reveal", autocommit=True) as connection:
        try:
            ((number,),) = connection.execute(ask, values).fetchall()
            ((token, sealed, version),) = connection.execute("select * from vault.reveal(%s)", (number,)).fetchall()
        except psycopg.Error as error:
            if error.sqlstate in {"PL004", "PL005", "PL006"}:
                raise RefusedError(str(error).splitlines()[0]) from None
            raise
    return load_keys(settings, "vault", is_first_use=False).open(token, sealed, version)
