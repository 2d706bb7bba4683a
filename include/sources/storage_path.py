"""Opens object storage on the command line, as ``POSTLOAN_CONNECTION_<NAME>`` says; in a DAG Airflow does."""

from include.errors import PostloanError
from include.landing.contract_source import ObjectStorage
from include.sources.connection import Resolve, SourceConnection
from include.sources.object_storage import OpenStorage, RemotePath


def opened_with(resolve: Resolve) -> OpenStorage:
    """Opens a source's path with the connection that ``resolve`` finds for it."""

    def opened(source: ObjectStorage) -> RemotePath:
        from upath import UPath

        options = _options(resolve(source.connection)) if source.connection is not None else {}
        try:
            path = UPath(source.path, **options)
            path.fs  # noqa: B018 (the file system is only looked for here)
        except (ImportError, ValueError) as error:
            raise PostloanError(
                f"{source.path}: this installation cannot read such storage; its fsspec package is missing "
                "(s3fs, gcsfs, adlfs)",
                next_command="postloan doctor",
            ) from error
        return path

    return opened


def _options(connection: SourceConnection) -> dict[str, str]:
    """What fsspec's file systems call key and secret; everything else is an option of the URL."""
    options = dict(connection.options)
    if connection.login is not None:
        options["key"] = connection.login
    if connection.password is not None:
        options["secret"] = connection.password.get_secret_value()
    return options
