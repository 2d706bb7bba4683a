"""Personal data outside of the vault: tokens, masked forms, and the keys that both the tokens and the vault rest on.

A token is ``v<key version>:`` and 128 bits of HMAC-SHA256 over the kind of value and its normalised text. The same
value of the same kind has the same token in every table, so tables join on it; another kind or key has another.
Token keys and vault keys lie apart: who holds the first can test a guess, who holds the second can open the vault.
"""

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from include.durable_files import write_durably
from include.errors import PostloanError
from include.settings import Settings

KINDS = ("name", "id_number", "phone", "address", "account_number")
Purpose = Literal["token", "vault"]
TOKEN = re.compile(r"v([1-9][0-9]{0,3}):[0-9a-f]{32}")
TOKEN_HEX_DIGITS = 32
KEY_BYTES = 32
NONCE_BYTES = 12
SEPARATOR = "\x1f"
HIDDEN = "****"  # what is left of a value that is too short to show a part of, or that was erased


@dataclass(frozen=True)
class KeyRing:
    """The versions of a key. The current one is for new values; the others are kept for what they have made."""

    purpose: Purpose
    current: int
    keys: dict[int, bytes]

    @property
    def former(self) -> list[int]:
        """Versions that make nothing new any more, newest first."""
        return sorted((version for version in self.keys if version != self.current), reverse=True)

    def fingerprint(self, version: int) -> str:
        """What a warehouse remembers of a key, to notice another one under its name. Gives nothing of it away."""
        return hmac.digest(self.keys[version], f"fingerprint of a {self.purpose} key".encode(), "sha256").hex()[:16]

    def tokens(self, kind: str, normalised: Iterable[str], version: int | None = None) -> list[str]:
        """The tokens of normalised values of one kind, under the current version unless another is named."""
        number = version or self.current
        prefix, tokens = f"v{number}:", []
        # HMAC as RFC 2104 states it, from what all values have in common: less than half the time (a test compares)
        inner, outer = _hmac_states(self.keys[number], f"{kind}{SEPARATOR}")
        for value in normalised:
            within, around = inner.copy(), outer.copy()
            within.update(value.encode())
            around.update(within.digest())
            tokens.append(prefix + around.hexdigest()[:TOKEN_HEX_DIGITS])
        return tokens

    def seal(self, tokens: Iterable[str], values: Iterable[str]) -> list[bytes]:
        """Each value encrypted under the current version and bound to its token: nonce and AES-256-GCM text."""
        cipher, nonce = AESGCM(self.keys[self.current]).encrypt, os.urandom
        sealed = []
        for token, value in zip(tokens, values, strict=True):
            once = nonce(NONCE_BYTES)
            sealed.append(once + cipher(once, value.encode(), token.encode()))
        return sealed

    def open(self, token: str, sealed: bytes, version: int) -> str:
        """The value that was sealed with this token. Raises PostloanError when key or content is another."""
        if version not in self.keys:
            raise PostloanError(f"the vault key v{version} is not among the keys of this installation")
        try:
            opened = AESGCM(self.keys[version]).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], token.encode())
        except InvalidTag:
            raise PostloanError(f"what the vault holds for {token} was altered, or sealed with another key") from None
        return opened.decode()


def load_keys(settings: Settings, purpose: Purpose, *, is_first_use: bool = True) -> KeyRing:
    """The keys of this installation: of a setting, or of a file that is made at first use.

    Raises PostloanError, without a word of its content, when it cannot be used.
    """
    stated = settings.token_keys if purpose == "token" else settings.vault_keys
    if stated is not None:
        return _parsed(purpose, stated.get_secret_value(), f"POSTLOAN_{purpose.upper()}_KEYS")
    path = key_file(settings, purpose)
    if not path.exists():
        if not is_first_use:
            raise PostloanError(f"{path} is gone: the {purpose} keys of this warehouse. Bring it back from the backup")
        _make_first(path, KeyRing(purpose, 1, {1: os.urandom(KEY_BYTES)}))
    state = path.stat()
    if state.st_mode & 0o077:
        raise PostloanError(
            f"{path} can be read by others; it holds the {purpose} keys", next_command=f"chmod 600 {path}"
        )
    return _read(path, purpose, state.st_mtime_ns)


def key_file(settings: Settings, purpose: Purpose) -> Path:
    """Where the keys lie when no setting states them."""
    return settings.keys / f"{purpose}_keys.json"


def with_next_version(ring: KeyRing) -> KeyRing:
    """The ring with a new, current key beside the former ones."""
    version = max(ring.keys) + 1
    return KeyRing(ring.purpose, version, {**ring.keys, version: os.urandom(KEY_BYTES)})


def without_former(ring: KeyRing) -> KeyRing:
    """The ring with its current key only."""
    return KeyRing(ring.purpose, ring.current, {ring.current: ring.keys[ring.current]})


def write_keys(path: Path, ring: KeyRing) -> None:
    """Put the ring into its file, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(path, _text(ring).encode())


def normalised(kind: str, values: pa.Array) -> pa.Array:
    """The one form of values that mean the same: compatibility characters, blanks, signs and country code aside."""
    texts = pc.utf8_upper(pc.utf8_normalize(values, form="NFKC"))
    if kind == "name":
        return pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, r"\s+", " "))
    if kind == "address":
        return pc.replace_substring_regex(texts, r"\s+", "")
    if kind == "phone":
        digits = pc.replace_substring_regex(texts, r"[^0-9+]", "")
        international = pc.replace_substring_regex(digits, r"^(?:\+|00)", "+")
        return pc.replace_substring_regex(international, r"^\+?86(1[0-9]{10})$", r"\1")
    if kind in {"id_number", "account_number"}:
        return pc.replace_substring_regex(texts, r"[\s-]", "")
    raise ValueError(f"no kind of personal data: {kind}")


def masked(kind: str, normal: pa.Array) -> pa.Array:
    """What may be shown of normalised values: enough to recognise one that you know, too little to find it out.

    name: first character (王*). phone: first three and last four digits (138****8000). id_number: first three and last
    two (110****1X). address: first three characters (北京市****). account_number: last four digits (****6789).
    Shorter values show nothing. The number of stars says nothing about the length.
    """
    pattern, shown = {
        "name": (r"^(.).*$", r"\1*"),
        "phone": (r"^\+?([0-9]{3})[0-9]{4,}([0-9]{4})$", rf"\1{HIDDEN}\2"),
        "id_number": (r"^(.{3}).{7,}(..)$", rf"\1{HIDDEN}\2"),
        "address": (r"^(.{3}).{4,}$", rf"\1{HIDDEN}"),
        "account_number": (r"^.{5,}(....)$", rf"{HIDDEN}\1"),
    }[kind]
    is_shown = pc.match_substring_regex(normal, f"(?s){pattern}")
    return pc.if_else(is_shown, pc.replace_substring_regex(normal, f"(?s){pattern}", shown), HIDDEN)


def token_of(ring: KeyRing, kind: str, value: str, version: int | None = None) -> str:
    """The token of one value as it was delivered."""
    return ring.tokens(kind, normalised(kind, pa.array([value])).to_pylist(), version)[0]


def _hmac_states(key: bytes, before: str) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + before.encode())
    return inner, hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


@lru_cache(maxsize=16)
def _read(path: Path, purpose: Purpose, changed_at: int) -> KeyRing:
    return _parsed(purpose, path.read_text(encoding="utf-8"), str(path))


def _make_first(path: Path, ring: KeyRing) -> None:
    """Several processes may be the first one: one file wins, and everybody reads that."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    write_durably(own, _text(ring).encode())
    try:
        path.hardlink_to(own)
    except FileExistsError:
        pass
    finally:
        own.unlink()


def _text(ring: KeyRing) -> str:
    keys = {str(version): base64.b64encode(key).decode() for version, key in sorted(ring.keys.items())}
    return json.dumps({"current": ring.current, "keys": keys}, indent=1) + "\n"


def _parsed(purpose: Purpose, text: str, place: str) -> KeyRing:
    shape = f'{place} must look like {{"current": 1, "keys": {{"1": "<{KEY_BYTES} random bytes in base64>"}}}}'
    try:
        document = json.loads(text)
        keys = {int(version): base64.b64decode(key, validate=True) for version, key in document["keys"].items()}
        ring = KeyRing(purpose, int(document["current"]), keys)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PostloanError(f"{shape}; it does not") from None  # the parser's own words could repeat a key
    if (
        ring.current not in keys
        or min(keys) < 1
        or max(keys) > 9999
        or any(len(key) != KEY_BYTES for key in keys.values())
    ):
        raise PostloanError(f"{shape}; it names a current version without a key, or a key of another length")
    if len({hashlib.sha256(key).digest() for key in keys.values()}) != len(keys):
        raise PostloanError(f"{shape}; two versions hold the same key")
    return ring
