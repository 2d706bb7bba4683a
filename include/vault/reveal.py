"""One value for one person, for a reason that is kept before the value is shown."""

import psycopg

from include.errors import PostloanError, RefusedError
from include.privacy import TOKEN, load_keys
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import PRIVACY

SHORTEST_REASON = 10


def reveal(settings: Settings, token: str, *, actor: str, reason: str) -> str:
    """The value behind a token. Raises RefusedError when the vault has none, or the hour's looks are used up."""
    if not TOKEN.fullmatch(token):
        raise PostloanError(f"{token!r} is no token like v1:0123456789abcdef0123456789abcdef")
    if len(reason.strip()) < SHORTEST_REASON:
        raise PostloanError(f"a reason of {SHORTEST_REASON} characters or more: an auditor will read it")
    with connect(settings, role=PRIVACY, application_name="postloan:reveal", autocommit=True) as connection:
        try:
            ((number,),) = connection.execute(
                "select vault.ask_to_reveal(%s, %s, %s)", (token, actor, reason)
            ).fetchall()
            ((_, sealed, version),) = connection.execute("select * from vault.reveal(%s)", (number,)).fetchall()
        except psycopg.Error as error:
            if error.sqlstate in {"PL004", "PL005"}:
                raise RefusedError(str(error).splitlines()[0]) from None
            raise
    return load_keys(settings, "vault", is_first_use=False).open(token, sealed, version)
