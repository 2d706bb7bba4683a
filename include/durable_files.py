"""Files that are there whole or not at all, also after a kill or a power cut, and that are their owner's alone."""

import os
import shutil
import tempfile
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``. A reader sees the former file or this one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def replace_directory(path: Path, files: dict[str, bytes]) -> None:
    """Put a directory of ``files`` (by relative name) at ``path``, in place of what stood there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        for name, content in files.items():
            write_durably(staging / name, content)
        if path.exists():
            shutil.rmtree(path)
        staging.replace(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _sync_directory(path.parent)


def remove_leftovers(directory: Path) -> None:
    """Remove what a killed process left half-written in ``directory`` (names that begin with a dot)."""
    for path in directory.glob(".*.*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
