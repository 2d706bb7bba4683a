"""A paged HTTP API: every page once, all of them, or nothing. The token goes into a header and nowhere else.

A page that fails is asked for again, at growing intervals or when the API says so. Pages that contradict each other
(repeated, shifted, another total, rows missing) make the whole fetch fail: what they hold together is nobody's answer.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from include.errors import DeliveryError, PostloanError, SourceError
from include.landing.contract import Contract
from include.landing.contract_source import HttpApi
from include.sources.connection import SourceConnection

log = logging.getLogger(__name__)
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
MAX_ROWS = 50_000_000


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


# numbers stay the text that was sent: nothing is rounded on the way
DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_float=str, parse_int=str, parse_constant=str)


class _AgainError(Exception):
    """Worth asking again. ``wait``: how long the API wants us to, in seconds."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass
class _Seen:
    """What the pages so far have said."""

    total: int | None = None
    rows: int = 0
    pages: dict[str, int] = field(default_factory=dict)
    keys: dict[bytes, int] = field(default_factory=dict)


class HttpFetch:
    """The pages of one system for one business date."""

    def __init__(self, source: HttpApi, system: str, connection: SourceConnection, business_date: str) -> None:
        self.source, self.system, self.connection, self.business_date = source, system, connection, business_date
        token = connection.password.get_secret_value() if connection.password else None
        if token and connection.scheme != "https" and not _is_this_machine(connection.host):
            raise PostloanError(
                f"the source {connection.name} at {connection.place} is not https: others could read the token",
                next_command=f"airflow connections get {connection.name}",
            )
        path = connection.path.rstrip("/")
        self._client = httpx.Client(
            base_url=f"{connection.place}{path}",
            headers={"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
            timeout=source.timeout_seconds,
            follow_redirects=False,  # a token is not for another host
        )

    def __enter__(self) -> "HttpFetch":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def fetch(self, contract: Contract, path: Path) -> bool:
        """Write the rows of a table as JSON lines; False when there is no batch of the date."""
        seen = _Seen()
        with path.open("w", encoding="utf-8") as file:
            for items in self._pages(contract, seen):
                for item in items:
                    file.write(_line(item))
        if seen.total is None:
            path.unlink()
            return False
        log.info("%s.%s: %d rows on %d pages", self.system, contract.table, seen.rows, len(seen.pages) or 1)
        return True

    def _pages(self, contract: Contract, seen: _Seen) -> Iterator[list[Any]]:
        number = 1
        while seen.total is None or seen.rows < seen.total:
            answer = self._page(contract, number)
            if answer is None:
                if number == 1:
                    return
                raise self._refused(contract, number, f"it does not exist, after {seen.rows} of {seen.total} rows")
            items = self._checked(contract, number, answer, seen)
            yield items
            number += 1

    def _checked(self, contract: Contract, number: int, answer: dict[str, Any], seen: _Seen) -> list[Any]:
        items, total = _member(answer, self.source.items), _member(answer, self.source.total_count)
        if not isinstance(items, list) or not str(total).isdecimal() or int(total) > MAX_ROWS:
            raise self._refused(contract, number, f"no list {self.source.items} or no count {self.source.total_count}")
        if seen.total is not None and int(total) != seen.total:
            raise self._refused(contract, number, f"it counts {total} rows, the first page counted {seen.total}")
        said = _member(answer, self.source.page_number) if self.source.page_number else None
        if said is not None and str(said) != str(number):
            raise self._refused(contract, number, f"the API answered with page {said}")
        seen.total = int(total)
        if not items and seen.rows < seen.total:
            raise self._refused(contract, number, f"it is empty, after {seen.rows} of {seen.total} rows")
        digest = sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()
        if items and digest in seen.pages:
            raise self._refused(contract, number, f"it repeats page {seen.pages[digest]}")
        seen.pages[digest] = number
        self._note_keys(contract, number, items, seen)
        seen.rows += len(items)
        if seen.rows > seen.total:
            raise self._refused(contract, number, f"it brings the rows to {seen.rows}, the API counts {seen.total}")
        return items

    def _note_keys(self, contract: Contract, number: int, items: list[Any], seen: _Seen) -> None:
        """A key on two pages means that rows moved between them while we read, so that another one is missing."""
        names = [contract.column(name).delivered_as for name in contract.key if contract.column(name).is_delivered]
        for item in items:
            if not isinstance(item, dict):
                raise self._refused(contract, number, "one of its rows is no JSON object")
            key = sha256("\x1f".join(str(item.get(name)) for name in names).encode()).digest()[:12]
            before = seen.keys.setdefault(key, number)
            if before != number:
                raise self._refused(contract, number, f"it holds a row that page {before} held already")

    def _page(self, contract: Contract, number: int) -> dict[str, Any] | None:
        """The answer for one page; None for a 404."""
        part = contract.source
        path = (part.path if part is not None and part.path else "").replace("{business_date}", self.business_date)
        parameters = {self.source.page_parameter: number, self.source.page_size_parameter: self.source.page_size}
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type(_AgainError),
                stop=stop_after_attempt(self.source.attempts),
                wait=_wait,
                before_sleep=lambda state: log.warning("%s page %d: %s; asking again", path, number, _why(state)),
                reraise=True,
            ):
                with attempt:
                    return self._asked(path, parameters)
        except _AgainError as error:
            why = f"{error}, {self.source.attempts} times"
            raise self._refused(contract, number, why) from None
        except PermissionError as error:
            raise DeliveryError(
                f"the source {self.connection.name} at {self.connection.place} refuses our token ({error})",
                next_command=f"airflow connections get {self.connection.name}",
            ) from None
        raise AssertionError("tenacity returns or raises")

    def _asked(self, path: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
        try:
            response = self._client.get(path, params=parameters)
        except httpx.TimeoutException:
            raise _AgainError(f"no answer within {self.source.timeout_seconds:g} s") from None
        except httpx.HTTPError as error:
            raise _AgainError(f"the connection broke ({type(error).__name__})") from None
        status = response.status_code
        if status in {401, 403}:
            raise PermissionError(f"status {status}")
        if status == 404:
            return None
        if status == 429 or status >= 500:
            raise _AgainError(f"status {status}", _retry_after(response))
        if status != 200:
            raise _AgainError(f"status {status}, which nobody expects")
        try:
            answer = DECODER.decode(response.content.decode("utf-8").lstrip("\ufeff"))
        except ValueError:
            raise _AgainError("the answer is no JSON; it is cut off or no answer of the API") from None
        if not isinstance(answer, dict):
            raise _AgainError("the answer is no JSON object")
        return answer

    def _refused(self, contract: Contract, number: int, why: str) -> SourceError:
        return SourceError(
            f"{contract.table} of {self.business_date} from source {self.connection.name} at {self.connection.place}, "
            f"page {number}: {why}. Nothing of the date was landed",
            next_command=f"postloan fetch {self.system} {self.business_date}",
        )


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _line(item: dict[str, Any]) -> str:
    line = json.dumps(item, ensure_ascii=False)
    # half of a surrogate pair is no character and cannot be written: it stays escaped
    return (line if line.isprintable() else json.dumps(item)) + "\n"


def _member(answer: dict[str, Any], name: str) -> Any:
    """A member of the answer; ``data.items`` is a member of a member."""
    found: Any = answer
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _retry_after(response: httpx.Response) -> float | None:
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() else None


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, _AgainError) else None
    return min(
        asked if asked is not None else FIRST_WAIT_SECONDS * 2 ** (state.attempt_number - 1), LONGEST_WAIT_SECONDS
    )


def _why(state: RetryCallState) -> str:
    return str(state.outcome.exception()) if state.outcome else ""
