"""How every part of Postloan reaches the warehouse: one login, a role per job, the same session settings everywhere."""

import json
import os
from datetime import date

import psycopg
from psycopg import conninfo, errors

from include.errors import PostloanError
from include.settings import Settings
from include.warehouse import embedded

MINIMUM_VERSION = 15
APPLICATION = "postloan"
DBT_ROLE = "postloan_transformer"  # as dbt_project/profiles.yml states it


def connect(
    settings: Settings,
    *,
    role: str | None = "postloan_auditor",
    application_name: str = APPLICATION,
    autocommit: bool = False,
) -> psycopg.Connection:
    """A connection that acts as ``role`` (None: as the login itself), in UTC, whose statements end with their client.

    Whoever only looks is the auditor; each job names its own role, of ``include.warehouse.roles``.

    Raises PostloanError when the server is down, too old, not UTF-8, or not migrated; never names a password.
    """
    parameters = login_parameters(settings, role)
    parameters["options"] = " ".join(filter(None, [parameters.get("options"), session_options(settings, role)]))
    parameters["application_name"] = _application(application_name)
    try:
        connection = psycopg.connect(conninfo.make_conninfo("", **parameters), autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise _explained(settings, parameters, error, role) from error
    try:
        _check_server(connection)
    except PostloanError:
        connection.close()
        raise
    return connection


def warehouse_url(settings: Settings, *, driver: str = "postgresql+psycopg2", role: str | None = None) -> str:
    """A SQLAlchemy URL, password included: hand it to a library, never to a log."""
    from sqlalchemy.engine import URL  # half a second of import that most callers do not need

    parameters = login_parameters(settings, role)
    parameters["options"] = " ".join(filter(None, [parameters.get("options"), session_options(settings, role)]))
    known = {name: parameters.pop(name, None) for name in ("user", "password", "host", "port", "dbname")}
    return URL.create(
        driver,
        username=known["user"],
        password=known["password"],
        host=known["host"],
        port=int(known["port"]) if known["port"] else None,
        database=known["dbname"],
        query={"application_name": APPLICATION, **parameters},
    ).render_as_string(hide_password=False)


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What ``dbt_project/profiles.yml`` reads; the password under the prefix that dbt keeps out of its logs."""
    parameters = login_parameters(settings, DBT_ROLE)
    environment = {
        "POSTLOAN_DBT_HOST": parameters["host"],
        "POSTLOAN_DBT_PORT": parameters["port"],
        "POSTLOAN_DBT_USER": parameters["user"],
        "DBT_ENV_SECRET_POSTLOAN_PASSWORD": parameters["password"],
        "POSTLOAN_DBT_DBNAME": parameters["dbname"],
        "PGOPTIONS": " ".join(filter(None, [parameters.get("options"), session_options(settings, DBT_ROLE)])),
    }
    if "sslmode" in parameters:
        environment["PGSSLMODE"] = parameters["sslmode"]
    return environment


def warehouse_parameters(settings: Settings) -> dict[str, str]:
    """The libpq parameters of the warehouse: of ``POSTLOAN_WAREHOUSE_URL``, or of the embedded server."""
    if settings.warehouse_url is None:
        server = embedded.read(settings)
        if server is None:
            raise PostloanError("The embedded PostgreSQL was never started", next_command="postloan up")
        url = server.url("postloan", "warehouse")
    else:
        url = settings.warehouse_url.get_secret_value()
    return parse_url(url, variable="POSTLOAN_WAREHOUSE_URL")


def login_parameters(settings: Settings, role: str | None) -> dict[str, str]:
    """The parameters with the login of this role, where ``POSTLOAN_WAREHOUSE_LOGINS`` states one of its own."""
    parameters = warehouse_parameters(settings)
    if settings.warehouse_logins is None or role is None:
        return parameters
    shape = 'POSTLOAN_WAREHOUSE_LOGINS must look like {"postloan_loader": {"user": "..", "password": ".."}, ..}'
    try:
        own = json.loads(settings.warehouse_logins.get_secret_value()).get(role)
        login = {name: str(own[name]) for name in ("user", "password")} if own is not None else {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PostloanError(f"{shape}; it does not") from None  # the parser's words could repeat a password
    return parameters | login


def parse_url(url: str, *, variable: str) -> dict[str, str]:
    """Split a PostgreSQL URL into libpq parameters; ``variable`` is named when it cannot be used."""
    scheme, _, rest = url.partition("://")
    shape = f"{variable} must look like postgresql://user:password@host:5432/database"
    if scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise PostloanError(f"{shape}; it starts with another scheme")
    try:
        parameters = conninfo.conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.ProgrammingError:
        # psycopg's own message would repeat the password
        raise PostloanError(f"{shape}; reserved characters in the password must be percent-encoded") from None
    missing = [name for name in ("user", "host", "dbname") if not parameters.get(name)]
    if missing:
        raise PostloanError(f"{shape}; it lacks: {', '.join(missing)}")
    defaults = {"port": "5432", "password": os.environ.get("PGPASSWORD", "")}
    return defaults | {name: str(value) for name, value in parameters.items() if value is not None}


def _application(name: str) -> str:
    return name if name == APPLICATION or name.startswith(f"{APPLICATION}:") else f"{APPLICATION}:{name}"


def run_options(run_id: str, business_date: date, known_date: date) -> str:
    """The session settings by which the staging views know whose rows to show (dbt_project/macros/in_effect.sql)."""
    return f"-c postloan.run_id={run_id} -c postloan.business_date={business_date} -c postloan.known_date={known_date}"


def session_options(settings: Settings, role: str | None) -> str:
    """The settings that every session has, as libpq's ``options``."""
    session = {
        "timezone": "UTC",
        "statement_timeout": f"{settings.statement_timeout_seconds}s",
        # the server notices within a second that its client was killed; otherwise the statement goes on and commits
        "client_connection_check_interval": "1s",
        "idle_in_transaction_session_timeout": f"{settings.statement_timeout_seconds}s",
    }
    if role is not None:
        session["role"] = role
    return " ".join(f"-c {name}={value}" for name, value in session.items())


def _check_server(connection: psycopg.Connection) -> None:
    version = connection.info.server_version // 10000
    if version < MINIMUM_VERSION:
        raise PostloanError(
            f"The warehouse is PostgreSQL {version}; Postloan needs {MINIMUM_VERSION} or newer (MERGE, invoker views)"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise PostloanError(
            f"The warehouse database is encoded in {encoding}; Postloan needs UTF8: "
            "create database warehouse encoding 'UTF8' template template0"
        )


def _explained(
    settings: Settings, parameters: dict[str, str], error: psycopg.OperationalError, role: str | None
) -> PostloanError:
    place = f"{parameters['host']}:{parameters['port']}/{parameters['dbname']}"
    reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    if role is not None and f'role "{role}" does not exist' in reason:
        return PostloanError(
            f"The warehouse at {place} has no role {role}: not migrated", next_command="postloan migrate"
        )
    if isinstance(error, errors.CannotConnectNow) or "starting up" in reason:
        return PostloanError(f"The warehouse at {place} is starting up", next_command="postloan status")
    if settings.warehouse_url is None and not embedded.is_running(settings):
        return PostloanError("The embedded PostgreSQL is not running", next_command="postloan up")
    return PostloanError(f"Cannot connect to the warehouse at {place} as {parameters['user']}: {reason}")
