"""Airflow as this installation configures it: its home, secrets, address and the environment of its processes.

Everything goes by environment variables, so that no ``airflow.cfg`` of another installation can interfere.
This module never imports Airflow.
"""

import base64
import contextlib
import json
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

from include.errors import PostloanError
from include.settings import PROJECT_DIR, Settings
from include.warehouse import embedded
from include.warehouse.connection import parse_url
from include.warehouse.embedded_files import make_private

HOST = "127.0.0.1"
USUAL_PORT = 8080


def address(settings: Settings) -> str:
    return f"http://{HOST}:{read_state(settings).get('port', USUAL_PORT)}"


def login(settings: Settings) -> tuple[str, str]:
    """User and password of Airflow's web interface, generated at the first start."""
    return "admin", ensure_secrets(settings)["admin_password"]


def environment(settings: Settings) -> dict[str, str]:
    """The whole environment of an Airflow process of this installation: nothing of the caller's Airflow comes in."""
    foreign = ("AIRFLOW", "POSTLOAN_", "PG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # without bytecode each start of Airflow costs 4 to 8 s more
    return kept | _postloan_environment(settings) | _airflow_environment(settings)


def _postloan_environment(settings: Settings) -> dict[str, str]:
    values = {"POSTLOAN_FAIL": os.environ.get("POSTLOAN_FAIL", "")}
    for name, value in settings.model_dump(exclude_none=True).items():
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        values[f"POSTLOAN_{name.upper()}"] = str(plain.resolve() if isinstance(plain, Path) else plain)
    return {name: value for name, value in values.items() if value}


def _airflow_environment(settings: Settings) -> dict[str, str]:
    known, home = ensure_secrets(settings), airflow_home(settings)
    options = {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": "4",
            "dags_folder": str(PROJECT_DIR / "dags"),
            "plugins_folder": str(PROJECT_DIR / "dags" / "plugins"),
            "load_examples": "False",
            "fernet_key": known["fernet_key"],
            "execution_api_server_url": f"{address(settings)}/execution/",
            "simple_auth_manager_users": "admin:admin",
            "simple_auth_manager_passwords_file": str(home / "passwords.json"),
        },
        "api": {
            "host": HOST,
            "port": str(read_state(settings).get("port", USUAL_PORT)),
            "base_url": address(settings),
            "workers": "1",
            "secret_key": known["secret_key"],
        },
        "api_auth": {"jwt_secret": known["jwt_secret"]},
        "database": {"sql_alchemy_conn": metadata_url(settings)},
        "dag_processor": {"refresh_interval": "10"},  # a new DAG file is seen after 10 s instead of 300
        "logging": {"base_log_folder": str(home / "logs")},
        "usage_data_collection": {"enabled": "False"},
    }
    return {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(PROJECT_DIR),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        # analytics off in every task
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "False",
        **{
            f"AIRFLOW__{section.upper()}__{name.upper()}": value
            for section, values in options.items()
            for name, value in values.items()
        },
    }


def metadata_url(settings: Settings, *, driver: str = "postgresql+psycopg2") -> str:
    """Airflow's own database. The driver is named because the SQLAlchemy of this lock would pick another by itself."""
    if settings.airflow_database_url is not None:
        own = settings.airflow_database_url.get_secret_value()
        parse_url(own, variable="POSTLOAN_AIRFLOW_DATABASE_URL")
        return f"{driver}://{own.partition('://')[2]}"
    server = embedded.read(settings)
    if server is None:
        raise PostloanError("The embedded PostgreSQL was never started", next_command="postloan up")
    return f"{driver}://{server.url('airflow', 'airflow').partition('://')[2]}"


def choose_port(settings: Settings) -> bool:
    """The port of last time, else 8080, else any free one; True when it is another one than last time."""
    last = read_state(settings).get("port")
    for port in (last or USUAL_PORT, USUAL_PORT, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            update_state(settings, {"port": probe.getsockname()[1]})
            break
    return last is not None and read_state(settings)["port"] != last


def airflow_home(settings: Settings) -> Path:
    return settings.home.resolve() / "airflow"


def state_path(settings: Settings) -> Path:
    return airflow_home(settings) / "services.json"


def read_state(settings: Settings) -> dict[str, Any]:
    return _read_json(state_path(settings))


def update_state(settings: Settings, change: dict[str, Any]) -> None:
    write_private(state_path(settings), read_state(settings) | change)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}


def write_private(path: Path, content: dict[str, Any]) -> None:
    make_private(path.parent)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    unfinished.rename(path)


def ensure_secrets(settings: Settings) -> dict[str, str]:
    """Keys and the password, made once: components that do not share them cannot talk to each other."""
    path = airflow_home(settings) / "secrets.json"
    known = _read_json(path)
    if not known:
        known = {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "secret_key": secrets.token_urlsafe(32),
            "admin_password": secrets.token_urlsafe(12),
        }
        write_private(path, known)
    passwords = path.with_name("passwords.json")
    if not passwords.exists():
        write_private(passwords, {"admin": known["admin_password"]})
    return known
