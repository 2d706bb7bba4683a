"""docker-compose.yml keeps the house rules of a production stack."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from include.settings import PROJECT_DIR

TEXT = (PROJECT_DIR / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
LONG_RUNNING = {"postgres", "api-server", "scheduler", "dag-processor", "triggerer"}
ONE_SHOT = {"databases", "postloan-migrate", "airflow-init"}
DOCKERFILE = (PROJECT_DIR / "Dockerfile").read_text(encoding="utf-8")
SECRET_WORDS = ("PASSWORD", "SECRET", "_KEY", "_URL", "SQL_ALCHEMY_CONN")
each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def required_variables() -> dict[str, str]:
    return dict.fromkeys(re.findall(r"\$\{(\w+):\?", TEXT), "/x1")  # also a path, for the landing directory


def test_the_stack_is_postgres_airflows_components_and_the_steps_that_prepare_them():
    assert set(SERVICES) == LONG_RUNNING | ONE_SHOT


@each_service
def test_no_service_runs_as_root_or_can_gain_rights(name):
    service = SERVICES[name]
    assert service["user"] not in {"root", "0", "0:0"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert "cap_add" not in service


@each_service
def test_every_service_has_a_limit_of_memory_and_processor(name):
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])
    assert 0 < SERVICES[name]["cpus"] <= 2


@each_service
def test_images_are_pinned(name):
    image = SERVICES[name]["image"].replace("${POSTLOAN_IMAGE:-", "").rstrip("}")
    assert re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", image), image


@each_service
def test_ports_are_published_on_loopback_only(name):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_only_airflows_interface_is_published():
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["api-server"]


@each_service
def test_secrets_come_from_the_environment_and_have_no_default(name):
    for variable, value in SERVICES[name].get("environment", {}).items():
        if any(word in variable for word in SECRET_WORDS) and not variable.endswith(
            ("BASE_URL", "SERVER_URL", "_FILE")
        ):
            assert re.search(r"\$\{\w+:\?[^}]+\}", value), f"{variable} is not required"
            assert ":-" not in value, f"{variable} has a default"


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_every_long_running_service_says_whether_it_is_well_and_comes_back(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(ONE_SHOT))
def test_a_preparing_step_ends_and_is_not_restarted(name):
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(LONG_RUNNING - {"postgres"}))
def test_no_component_starts_before_both_databases_are_ready(name):
    assert SERVICES[name]["depends_on"] == {
        "airflow-init": {"condition": "service_completed_successfully"},
        "postloan-migrate": {"condition": "service_completed_successfully"},
    }


def test_the_databases_files_lie_where_version_18_keeps_them():
    assert "database:/var/lib/postgresql" in SERVICES["postgres"]["volumes"]


def test_there_is_no_top_level_name():
    assert "name" not in COMPOSE, "docker-compose 1.29, which Debian ships, refuses it"


def test_every_required_variable_stands_in_the_example():
    example = (PROJECT_DIR / ".env.example").read_text(encoding="utf-8")
    missing = [name for name in required_variables() if f"#{name}=" not in example]
    assert missing == []


def test_no_log_server_listens_on_every_interface():
    for name in ("scheduler", "triggerer"):
        assert "--skip-serve-logs" in SERVICES[name]["command"]


def test_the_image_is_built_from_the_lock_file_and_does_not_run_as_root():
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":\d+\.\d+\.\d+", stage) for stage in stages)
    assert "uv sync --frozen --no-dev" in DOCKERFILE
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    pinned = re.search(r"uv==([\d.]+)", DOCKERFILE)[1]
    assert f"UV_VERSION={pinned}" in (PROJECT_DIR / ".ci" / "environment").read_text(encoding="utf-8")


def test_everything_that_the_image_copies_is_in_the_build_context():
    ignored = (PROJECT_DIR / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in line.split():
            assert f"!{source}" in ignored
            assert (PROJECT_DIR / source).exists()


@pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose is not installed (apt-get install docker-compose)"
)
class TestWithDockerCompose:
    @staticmethod
    def config(tmp_path: Path, variables: dict[str, str]) -> subprocess.CompletedProcess:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | variables
        command = ["docker-compose", "-f", str(PROJECT_DIR / "docker-compose.yml"), "config", "-q"]
        # elsewhere than in the clone, whose .env may hold real values
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    def test_docker_compose_accepts_the_file(self, tmp_path):
        done = self.config(tmp_path, required_variables())
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("name", sorted(required_variables()))
    def test_docker_compose_refuses_to_start_without(self, tmp_path, name):
        done = self.config(tmp_path, {other: value for other, value in required_variables().items() if other != name})
        assert done.returncode != 0
