"""Three things that dbt does the long way round, done shorter while a run of ours lasts.

A small day is many small models, and what dbt does around each of them was most of its time (docs/adr/0015):

- Ephemeral models become common table expressions. dbt finds their place with sqlparse, which tokenizes and groups the
  whole statement. Our models begin with comments and then ``with`` or ``select``; a text that begins otherwise goes to
  dbt's own function.
- dbt closes its connection after every model. A thread keeps its own here until the invocation ends.
- dbt notes which module asked for each behaviour flag of its adapter. It reads the source of every frame of the stack
  for that, some tenths of a second for each flag where many modules are imported; a frame knows its module's name.

Each replaces one function of dbt for the time of an invocation; tests compare the outcome with dbt's own, and fail when
an upgrade takes the functions away.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any

BEGINNING = re.compile(
    r"(?P<comments>(?:\s+|--[^\n]*\n|/\*.*?\*/)*)(?P<word>with|select)\b(?P<recursive>\s+recursive\b)?",
    re.IGNORECASE | re.DOTALL,
)


@contextlib.contextmanager
def shortcuts() -> Iterator[None]:
    """All shortcuts, for invocations of dbt inside."""
    from dbt import compilation
    from dbt.adapters.base.connections import BaseConnectionManager
    from dbt_common.behavior_flags import BehaviorFlagRendered

    dbts_injection, dbts_release = compilation.inject_ctes_into_sql, BaseConnectionManager.release
    dbts_source = BehaviorFlagRendered._default_source
    compilation.inject_ctes_into_sql = lambda sql, ctes: inject(sql, ctes) or dbts_injection(sql, ctes)
    BaseConnectionManager.release = _keep_open
    BehaviorFlagRendered._default_source = staticmethod(asking_module)
    try:
        yield
    finally:
        compilation.inject_ctes_into_sql = dbts_injection
        BaseConnectionManager.release = dbts_release
        BehaviorFlagRendered._default_source = staticmethod(dbts_source)


def asking_module() -> str:
    """The name of the first module up the stack that is not the one of the behaviour flags."""
    asked = called_in = sys._getframe(1)
    while asked.f_back is not None and asked.f_globals["__name__"] == called_in.f_globals["__name__"]:
        asked = asked.f_back
    return str(asked.f_globals["__name__"])


def inject(sql: str, ctes: list[Any]) -> str | None:
    """``sql`` with the ephemeral models before its own expressions; None where its beginning is not one we know."""
    if not ctes:
        return sql
    beginning = BEGINNING.match(sql)
    if beginning is None:
        return None
    expressions = ", ".join(cte.sql for cte in ctes)
    comments, rest = beginning["comments"], sql[beginning.end() :]
    if beginning["word"].lower() == "select":
        return f"{comments}with {expressions} {sql[beginning.start('word') :]}"
    return f"{comments}with{beginning['recursive'] or ''} {expressions}, {rest.lstrip()}"


def _keep_open(self: Any) -> None:
    """In place of ``release``: a model leaves nothing open but the connection; that lasts as long as the invocation."""
    connection = self.get_if_exists()
    if connection is None or connection.state != "open":
        return
    try:
        self.rollback_if_open()
        connection.handle.rollback()
    except Exception:
        self.close(connection)
        self.clear_thread_connection()
        raise
