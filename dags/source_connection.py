"""Where sources are, as Airflow's connections say it: asked when a task runs, never when a DAG file is read."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from include.errors import PostloanError
from include.landing.contract_source import ObjectStorage
from include.sources.connection import SourceConnection, from_environment

if TYPE_CHECKING:
    from include.sources.kinds import Outside


def through_airflow() -> "Outside":
    """Connections by their id, object storage by Airflow's own path."""
    from include.sources.kinds import Outside

    return Outside(resolve=resolve, open_storage=open_storage)


def resolve(name: str) -> SourceConnection:
    """The Airflow connection with this id, or else ``POSTLOAN_CONNECTION_<NAME>``. Raises PostloanError for neither."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException
    from pydantic import SecretStr

    try:
        found = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return from_environment(name)
    if not found.host:
        raise PostloanError(
            f"Airflow's connection {name} names no host", next_command=f"airflow connections get {name}"
        )
    is_http = found.conn_type in {"http", "https"}
    # Airflow keeps the scheme of an HTTP connection where others keep the database, and may have a path in its host
    scheme = (found.schema or found.conn_type) if is_http else found.conn_type
    place = urlsplit(found.host if "://" in found.host else f"{scheme}://{found.host}")
    return SourceConnection(
        name=name,
        scheme=place.scheme,
        host=place.hostname or found.host,
        port=found.port or place.port,
        login=found.login,
        password=SecretStr(found.password) if found.password else None,
        path=place.path if is_http else (found.schema or ""),
        options={key: str(value) for key, value in found.extra_dejson.items()},
    )


def open_storage(source: ObjectStorage) -> Any:
    """The source's directory, with the login of its connection."""
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(source.path, conn_id=source.connection)
