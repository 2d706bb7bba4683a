"""Each service's command of docker-compose.yml, run as a local process, passes its own health check."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from include.settings import PROJECT_DIR, Settings
from include.warehouse import embedded

pytestmark = [pytest.mark.e2e]
SERVICES = yaml.safe_load((PROJECT_DIR / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
VARIABLES = {
    "POSTLOAN_POSTGRES_PASSWORD": "set below",
    "POSTLOAN_DB_PASSWORD": "warehousePassword1",
    "POSTLOAN_AIRFLOW_DB_PASSWORD": "airflowPassword1",
    "POSTLOAN_ADMIN_PASSWORD": "adminPassword1",
    "POSTLOAN_API_SECRET_KEY": "a" * 40,
    "POSTLOAN_JWT_SECRET": "b" * 64,
    "POSTLOAN_FERNET_KEY": "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M=",
    "POSTLOAN_SCHEDULE_FROM": "2999-01-01",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """The services as processes of this machine: container names, paths and ports are replaced, nothing else."""

    def __init__(self, home: Path, server: embedded.Server) -> None:
        self.home, self.variables = home, VARIABLES | {"POSTLOAN_POSTGRES_PASSWORD": server.postgres_password}
        self.variables["POSTLOAN_LANDING_DIR"] = str(home / "landing")
        health_port = free_port()
        self.api_port = free_port()
        self.replaced = {
            "@postgres:5432": f"@127.0.0.1:{server.port}",
            "http://api-server:8080": f"http://127.0.0.1:{self.api_port}",
            "127.0.0.1:8080": f"127.0.0.1:{self.api_port}",
            "127.0.0.1:8974": f"127.0.0.1:{health_port}",
            "0.0.0.0": "127.0.0.1",
            "/var/lib/postloan": str(home),
            "/opt/postloan": str(PROJECT_DIR),
            "/etc/postloan/contracts": str(PROJECT_DIR / "include" / "contracts"),
        }
        self.health_port = health_port
        self.processes: dict[str, subprocess.Popen] = {}

    def text(self, value: str) -> str:
        value = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: self.variables[match[1]], value)
        value = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: self.variables.get(match[1], match[2]), value)
        for old, new in self.replaced.items():
            value = value.replace(old, new)
        return value.replace("$$", "$")

    def environment(self, name: str) -> dict[str, str]:
        own = {variable: self.text(value) for variable, value in SERVICES[name]["environment"].items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
        fixed = {"PATH": path, "PYTHONPATH": str(PROJECT_DIR), "HOME": str(self.home)}
        return fixed | own | {"AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.health_port)}

    def command(self, name: str) -> list[str]:
        return [str(self.api_port) if word == "8080" else self.text(word) for word in SERVICES[name]["command"]]

    def run(self, name: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(name), cwd=self.home, env=self.environment(name), capture_output=True, text=True, check=False
        )

    def start(self, name: str) -> None:
        log = (self.home / f"{name}.log").open("wb")
        self.processes[name] = subprocess.Popen(
            self.command(name),
            cwd=self.home,
            env=self.environment(name),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def is_healthy(self, name: str) -> bool:
        check = [self.text(word) for word in SERVICES[name]["healthcheck"]["test"][1:]]
        done = subprocess.run(check, cwd=self.home, env=self.environment(name), capture_output=True, check=False)
        return done.returncode == 0

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")[-3000:]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    home = Path(tempfile.mkdtemp(prefix="postloan-compose-"))
    home.chmod(0o711)
    settings = Settings(home=home / "postgres")
    server = embedded.start(settings)
    # as a container of the PostgreSQL image begins: a superuser and nothing else
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        for statement in ("database warehouse", "database airflow", "role postloan", "role airflow"):
            connection.execute(f"drop {statement}")
    (home / "airflow").mkdir()
    (home / "landing").mkdir()
    found = Stack(home, server)
    try:
        for name in ("databases", "postloan-migrate", "airflow-init"):
            done = found.run(name)
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        for name in COMPONENTS:
            found.start(name)
        yield found
    finally:
        for process in found.processes.values():
            process.terminate()
        for process in found.processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
        embedded.stop(settings)
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_command_starts_a_service_that_passes_its_health_check(stack, name):
    deadline = time.monotonic() + 150
    while not stack.is_healthy(name):
        assert stack.processes[name].poll() is None, f"{name} ended: {stack.log(name)}"
        assert time.monotonic() < deadline, f"{name} is not healthy: {stack.log(name)}"
        time.sleep(1)


def test_the_preparing_steps_may_run_again(stack):
    for name in ("databases", "postloan-migrate", "airflow-init"):
        done = stack.run(name)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


def test_a_person_can_log_in_with_the_password_of_the_environment(stack):
    import httpx

    answer = httpx.post(
        f"http://127.0.0.1:{stack.api_port}/auth/token",
        json={"username": "admin", "password": VARIABLES["POSTLOAN_ADMIN_PASSWORD"]},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


def test_a_health_check_fails_when_its_service_is_gone(stack):
    stack.processes["api-server"].terminate()
    stack.processes["api-server"].wait(timeout=30)
    assert not stack.is_healthy("api-server")
