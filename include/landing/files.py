"""Delivered files as streams of UTF-8 bytes: digest, gzip with a cap, and the declared encoding, strictly."""

import codecs
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

from include.errors import DeliveryError

BLOCK_BYTES = 1 << 20
# A file of records shrinks 5 to 50 times; a bomb a thousand times.
MAX_GZIP_RATIO = 200
SMALL_BYTES = 16 * 1024**2  # below this a ratio says nothing
MAX_UNPACKED_BYTES = 64 * 1024**3
BYTE_ORDER_MARK = "\ufeff".encode()


def sha256_of(path: Path) -> str:
    """The digest of the file as delivered, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state_of(path: Path) -> tuple[int, int, int]:
    """What changes when somebody writes to a file or puts another one in its place."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_utf8(path: Path, *, encoding: str, is_compressed: bool) -> Iterator[bytes]:
    """The file's text as UTF-8 in blocks, without a byte order mark.

    Raises DeliveryError with the byte offset where the text is not in the declared encoding, and for bad gzip.
    """
    first = True
    for block in _decoded(path, encoding, _unpacked(path) if is_compressed else _plain(path)):
        text = block.removeprefix(BYTE_ORDER_MARK) if first else block
        first = False
        if text:
            yield text


def unpack_to(path: Path, target: Path) -> None:
    """Write the content of a gzip file to ``target``, under the same caps."""
    with target.open("wb") as file:
        for block in _unpacked(path):
            file.write(block)


def _plain(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _unpacked(path: Path) -> Iterator[bytes]:
    packed = unpacked = 0
    inflater = zlib.decompressobj(wbits=31)
    try:
        for block in _plain(path):
            packed += len(block)
            rest = block
            while rest:
                piece = inflater.decompress(rest, BLOCK_BYTES)
                unpacked += len(piece)
                _refuse_bomb(path, packed, unpacked)
                if piece:
                    yield piece
                rest = inflater.unconsumed_tail
                if inflater.eof and inflater.unused_data:
                    # several gzip members one after the other are one file
                    rest = inflater.unused_data
                    inflater = zlib.decompressobj(wbits=31)
    except zlib.error as error:
        raise DeliveryError(f"{path} is not a sound gzip file: {error}") from error
    if not inflater.eof:
        raise DeliveryError(f"{path} is a gzip file that ends in the middle: {unpacked} bytes could be unpacked")


def _refuse_bomb(path: Path, packed: int, unpacked: int) -> None:
    if unpacked > MAX_UNPACKED_BYTES or (unpacked > SMALL_BYTES and unpacked > MAX_GZIP_RATIO * packed):
        raise DeliveryError(
            f"{path} unpacks to {unpacked} bytes from {packed} and more: refused as a gzip bomb "
            f"(at most {MAX_GZIP_RATIO} times and {MAX_UNPACKED_BYTES} bytes)"
        )


def _decoded(path: Path, encoding: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    offset = 0
    for block in blocks:
        held = len(decoder.getstate()[0])
        if held == 0 and block.isascii():
            offset += len(block)
            yield block
            continue
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            raise _wrong_encoding(path, encoding, offset - held + error.start) from None
        offset += len(block)
        yield text.encode()
    held = len(decoder.getstate()[0])
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, encoding, offset - held + error.start) from None


def _wrong_encoding(path: Path, encoding: str, offset: int) -> DeliveryError:
    return DeliveryError(
        f"{path} is not {encoding} as its manifest says: byte {offset} cannot be read. "
        "Nothing of the delivery was loaded",
        next_command=f"xxd -s {max(offset - 32, 0)} -l 64 {path}",
    )
