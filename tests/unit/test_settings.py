"""Settings: one place, documented in .env.example, secrets never shown."""

import re
import subprocess
import sys

from include.settings import PROJECT_DIR, Settings


def test_everything_lives_in_the_clone_unless_told_otherwise(tmp_path, monkeypatch):
    assert Settings().home == PROJECT_DIR / ".local"
    monkeypatch.setenv("POSTLOAN_HOME", str(tmp_path))
    assert Settings().landing == tmp_path / "landing"
    monkeypatch.setenv("POSTLOAN_LANDING_DIR", str(tmp_path / "files"))
    assert Settings().landing == tmp_path / "files"


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    for name in ("WAREHOUSE_URL", "AIRFLOW_DATABASE_URL", "LANDING_DIR", "TIMEZONE"):
        monkeypatch.setenv(f"POSTLOAN_{name}", "")
    assert Settings().warehouse_url is None
    assert Settings().timezone == "Asia/Shanghai"


def test_a_password_is_never_shown(monkeypatch):
    monkeypatch.setenv("POSTLOAN_WAREHOUSE_URL", "postgresql://risk:s3cret@db/warehouse")
    assert "s3cret" not in repr(Settings())


def test_every_setting_stands_in_the_example_and_nothing_else():
    example = (PROJECT_DIR / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#(POSTLOAN_[A-Z_]+)=", example, re.MULTILINE))
    settings = {f"POSTLOAN_{name.upper()}" for name in Settings.model_fields}
    compose = set(re.findall(r"\$\{(\w+):", (PROJECT_DIR / "docker-compose.yml").read_text(encoding="utf-8")))
    assert settings <= named
    assert named <= settings | compose


def test_settings_that_change_published_rows_enter_the_run_id():
    assert set(Settings().output_settings()) == {"timezone", "policy_set"}


def test_the_package_never_loads_airflow():
    walk = (
        "import pkgutil, importlib, sys, include\n"
        "for module in pkgutil.walk_packages(include.__path__, 'include.'):\n"
        "    importlib.import_module(module.name)\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    )
    done = subprocess.run([sys.executable, "-c", walk], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
