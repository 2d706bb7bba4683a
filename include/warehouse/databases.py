"""The two databases and their logins, made once by a superuser (containers: ``python -m include.warehouse.databases``).

``postloan`` owns the database ``warehouse`` and may create roles; ``airflow`` owns the database ``airflow``. Neither is
a superuser, and neither can enter the other's database.
"""

import os

import psycopg
from psycopg import sql

from include.errors import PostloanError


def create_databases(superuser_url: str, postloan_password: str, airflow_password: str) -> None:
    """Create what is missing; what exists keeps its password and its data. Safe to run again."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        logins = {row[0] for row in connection.execute("select rolname from pg_roles")}
        databases = {row[0] for row in connection.execute("select datname from pg_database")}
        for login, rights, password in (
            ("postloan", sql.SQL("createrole"), postloan_password),
            ("airflow", sql.SQL("nocreaterole"), airflow_password),
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
                create = sql.SQL("create database {} owner {} encoding 'UTF8' template template0")
                connection.execute(create.format(name, sql.Identifier(owner)))
            connection.execute(sql.SQL("revoke connect on database {} from public").format(name))
        connection.execute("revoke connect on database postgres, template1 from public")


def main() -> None:
    names = ("POSTLOAN_SUPERUSER_URL", "POSTLOAN_DB_PASSWORD", "POSTLOAN_AIRFLOW_DB_PASSWORD")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise PostloanError(f"not set: {', '.join(missing)}")
    create_databases(*(os.environ[name] for name in names))


if __name__ == "__main__":
    main()
