"""``make`` prepares what a machine lacks, once, in any directory, and touches nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import PROJECT_DIR

# Stands for uv: notes how it was called, and makes a .venv as uv would.
FAKE_UV = """#!/bin/sh
[ "$1" = --version ] && exit 0
echo "$*|downloads=$UV_PYTHON_DOWNLOADS|cache=${UV_CACHE_DIR:-}|venv=${VIRTUAL_ENV:-}" >> "$UV_CALLS"
mkdir -p .venv/bin
"""


class Clone:
    """A clone in a directory with spaces, on a machine with a shell, one Python and (a stand-in for) uv."""

    def __init__(self, place: Path) -> None:
        self.place, self.calls, self.tools = place / "a clone of it", place / "calls", place / "tools"
        (self.place / ".ci").mkdir(parents=True)
        for name in ("Makefile", ".ci/environment", "uv.lock", "pyproject.toml"):
            shutil.copy(PROJECT_DIR / name, self.place / name)
        self.tools.mkdir()
        for tool in ("sh", "make", "cat", "cksum", "mkdir", "rm", "date", "dirname", "env"):
            (self.tools / tool).symlink_to(shutil.which(tool))
        (self.tools / "python3").symlink_to(sys.executable)
        (self.tools / "uv").write_text(FAKE_UV)
        (self.tools / "uv").chmod(0o755)
        self.home = place / "home"
        self.home.mkdir()

    def make(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        environment = {"PATH": str(self.tools), "HOME": str(self.home), "UV_CALLS": str(self.calls)} | variables
        command = ["make", *(arguments or ("environment",))]
        return subprocess.run(command, cwd=self.place, env=environment, capture_output=True, text=True, check=False)

    def uv_calls(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


def test_the_locked_packages_are_installed_once_and_no_python_is_downloaded(clone):
    done = clone.make()
    assert done.returncode == 0, done.stderr
    assert "installing the locked packages" in done.stderr
    assert clone.make().stderr == ""
    (call,) = clone.uv_calls()
    assert call.startswith("sync --frozen")
    assert "downloads=never" in call


def test_a_changed_lock_or_a_moved_clone_is_prepared_again(clone):
    clone.make()
    with (clone.place / "uv.lock").open("a") as lock:
        lock.write("\n")
    clone.make()
    assert len(clone.uv_calls()) == 2
    clone.place = clone.place.rename(clone.place.with_name("moved away"))
    clone.make()
    assert len(clone.uv_calls()) == 3


def test_an_interrupted_installation_is_begun_again(clone):
    (clone.tools / "uv").write_text(FAKE_UV + "exit 1\n")
    assert clone.make().returncode != 0
    (clone.tools / "uv").write_text(FAKE_UV)
    assert clone.make().returncode == 0
    assert len(clone.uv_calls()) == 2


def test_an_account_without_a_home_gets_its_caches_in_the_clone(clone):
    assert clone.make(HOME="/nonexistent").returncode == 0
    assert f"cache={clone.place}/.local/cache/uv" in clone.uv_calls()[0]


def test_somebody_elses_virtual_environment_is_left_alone(clone):
    clone.make(VIRTUAL_ENV="/somewhere/else")
    assert clone.uv_calls()[0].endswith("venv=")


def test_a_machine_without_a_usable_python_is_told_what_to_install(clone):
    (clone.tools / "python3").unlink()
    (clone.tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (clone.tools / "python3").chmod(0o755)
    done = clone.make()
    assert done.returncode != 0
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert clone.uv_calls() == []


# A Debian without python3-venv: venv fails, pip works. pip is replaced, so that the test needs no package index.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    -c*) echo "$0" ;;
    "-m venv "*) exit 1 ;;
    "-m pip install --quiet --target .local/bootstrap uv=="*)
        mkdir -p .local/bootstrap/bin
        cat "$UV_WHEEL" > .local/bootstrap/bin/uv
        chmod 755 .local/bootstrap/bin/uv ;;
    --version) echo Python 3.11 ;;
esac
"""


def test_a_machine_without_uv_and_without_venv_fetches_uv_into_the_clone(clone):
    wheel = (clone.tools / "uv").rename(clone.tools / "wheel")
    (clone.tools / "chmod").symlink_to(shutil.which("chmod"))
    (clone.tools / "python3").unlink()
    (clone.tools / "python3").write_text(FAKE_PYTHON)
    (clone.tools / "python3").chmod(0o755)
    done = clone.make(UV_WHEEL=str(wheel))
    assert done.returncode == 0, done.stderr
    assert "fetching uv" in done.stderr
    assert len(clone.uv_calls()) == 1
    assert clone.make(UV_WHEEL="/nonexistent").returncode == 0, "it is fetched once"


@pytest.mark.parametrize("target", ["run", "test", "check", "bench", "down"])
def test_each_target_is_one_line_and_prepares_the_environment_first(target):
    text = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    recipe = text.split(f"\n{target}: environment", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    assert len(recipe) == 1


def test_continuous_integration_calls_the_readmes_test_command():
    assert "\nmake test" in (PROJECT_DIR / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(PROJECT_DIR / ".ci" / "run", os.X_OK)
