"""Where a source is and how to log in. Secrets live in Airflow's connections or in the environment, nowhere else."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from include.errors import PostloanError

VARIABLE = "POSTLOAN_CONNECTION_"


@dataclass(frozen=True)
class SourceConnection:
    """An address with its login. ``path``: the database's name, or the part of a URL that all requests share."""

    name: str
    scheme: str
    host: str
    port: int | None = None
    login: str | None = None
    password: SecretStr | None = None
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it is, for messages: no login, no password."""
        return f"{self.scheme}://{self.host}{f':{self.port}' if self.port else ''}"


# a connection by its name; raises PostloanError when there is none
Resolve: TypeAlias = Callable[[str], SourceConnection]


def from_environment(name: str) -> SourceConnection:
    """The connection that ``POSTLOAN_CONNECTION_<NAME>`` states as a URL. Raises PostloanError without repeating it."""
    variable = f"{VARIABLE}{name.upper()}"
    url = os.environ.get(variable)
    if not url:
        raise PostloanError(
            f"nobody has said where the source {name!r} is: neither an Airflow connection of that name nor {variable}",
            next_command=f"airflow connections get {name}",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PostloanError(f"{variable} is no URL like https://:token@host:443/path") from error
    if not parts.scheme or not (parts.hostname or parts.query):
        raise PostloanError(f"{variable} is no URL like https://:token@host:443/path")
    return SourceConnection(
        name=name,
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=port,
        login=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password else None,
        path=unquote(parts.path),
        options=dict(parse_qsl(parts.query)),
    )
