"""The embedded PostgreSQL: private, durable, and there again after whatever happened to it."""

from include.warehouse.connection import connect


def test_a_session_runs_in_utc_and_ends_with_its_client(bare_settings):
    with connect(bare_settings, role=None, application_name="test") as connection:
        shown = [
            connection.execute(f"show {name}").fetchone()[0]
            for name in ("timezone", "client_connection_check_interval", "application_name", "server_encoding")
        ]
    assert shown == ["UTC", "1s", "postloan:test", "UTF8"]
