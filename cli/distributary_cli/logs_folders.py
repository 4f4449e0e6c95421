"""The folder that log files are fetched into: nothing is written outside it, and nothing in it is written over."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from distributary.errors import DistributaryError
from distributary_cli.logs_paths import relative_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PARTS = ".distributary"
"""The folder of what isn't whole yet. No key's path begins with a dot."""


class PlaceError(DistributaryError):
    """A log file cannot be put where its key says; the message says what is in the way."""


class Folder:
    """A folder of log files. `root` may be a symbolic link; nothing in it may."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = root.absolute()

    def path(self, key: str) -> Path:
        """Where a key's log file lies."""
        return self._real / relative_path(key)

    def shown(self, key: str) -> str:
        """The same, as the command was told of the folder."""
        return str(self.root / relative_path(key))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within the block no other command writes here, where the operating system can tell.

        Raises:
            PlaceError: if another one does, or nothing can be written here.
        """
        with self._lock_file() as file:
            if fcntl:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise PlaceError(f"another command is fetching into {self.root}: let it end first") from error
            yield

    def _lock_file(self) -> IO[str]:
        try:
            self._walk(self._real / PARTS, make=True)
            return (self._real / PARTS / "lock").open("w")
        except OSError as error:
            raise PlaceError(f"nothing can be written into {self.root}: {error}") from error

    def find(self, key: str) -> Path | None:
        """The file that is there already, if one is.

        Raises:
            PlaceError: if something else than a file is there, or a symbolic link on the way.
        """
        path = self.path(key)
        self._walk(path.parent, make=False)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise PlaceError(f"{self.shown(key)} is there already and is no file")
        return path if path.exists() else None

    def part(self, bucket: str, key: str, etag: str) -> Path:
        """Where the beginning of an object is kept until all of it is there.

        Raises:
            PlaceError: if there cannot be one.
        """
        self._walk(self._real / PARTS, make=True)
        name = hashlib.sha256("\0".join((bucket, key, etag)).encode("utf-8", "surrogatepass")).hexdigest()
        path = self._real / PARTS / f"{name}.part"
        if path.is_symlink():
            raise PlaceError(f"{path} is a symbolic link")
        return path

    def keep(self, part: Path, key: str) -> None:
        """Give a whole file its name, at once and only if nothing has that name.

        Raises:
            PlaceError: if something has, or it cannot be put there.
        """
        path = self.path(key)
        self._walk(path.parent, make=True)
        try:
            _move(part, path)
        except FileExistsError as error:
            raise PlaceError(f"{self.shown(key)} was written by something else meanwhile") from error

    def _walk(self, folder: Path, *, make: bool) -> None:
        """Each folder on the way is a real one, or made."""
        walked = self._real
        for name in ("", *folder.relative_to(self._real).parts):
            walked = walked / name
            if walked.is_symlink() and name:
                raise PlaceError(f"{walked} is a symbolic link: nothing is written through it")
            if make:
                try:
                    walked.mkdir(exist_ok=True, parents=not name)
                except FileExistsError as error:
                    raise PlaceError(f"{walked} is a file where a folder should be") from error
            elif walked.exists() and not walked.is_dir():
                raise PlaceError(f"{walked} is a file where a folder should be")


def _move(part: Path, path: Path) -> None:
    """Rename without replacing: a hard link refuses what is there; file systems that have none are asked first."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if os.path.lexists(path):
            raise FileExistsError(path) from error
        part.rename(path)
    else:
        part.unlink()
