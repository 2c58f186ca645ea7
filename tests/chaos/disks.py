"""File systems of their own for stores: one that can be full, and one whose power can be cut. Both need root."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

_BLOCK = b"\0" * 65_536


@cache
def why_no_mounts() -> str:
    """Why this process cannot mount anything; empty where it can."""
    if os.geteuid() != 0:
        return "needs root, to mount a file system of its own under the store"
    try:
        with SmallDisk(megabytes=1):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"this machine lets nobody mount a file system: {error}"


@cache
def why_no_images() -> str:
    """Why this process cannot mount an image of a disk; empty where it can."""
    if reason := why_no_mounts():
        return reason
    if shutil.which("mkfs.ext4") is None:
        return "needs mkfs.ext4 (Debian and Ubuntu: apt-get install e2fsprogs)"
    try:
        with ImageDisk(megabytes=8):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"this machine has no loop devices: {error}"


class _Disk:
    """A mounted file system; use it as a context manager."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="tuco-disk-"))
        self.folder = self._home / "disk"
        """Where it is mounted."""
        self.folder.mkdir()

    def __enter__(self) -> Self:
        try:
            self._mount()
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unmount()
        shutil.rmtree(self._home, ignore_errors=True)

    def _mount(self) -> None:
        raise NotImplementedError

    def _unmount(self) -> None:
        # Lazily: a lock or a log in it may still be open.
        _run("umount", "-l", str(self.folder))


class SmallDisk(_Disk):
    """A file system in memory that can be filled to the last byte.

    Args:
        megabytes: its size.
    """

    def __init__(self, *, megabytes: int) -> None:
        super().__init__()
        self._megabytes = megabytes

    def fill(self) -> int:
        """Leave no room; answer how many bytes that took."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            while ballast.write(_BLOCK):
                pass
        return self._ballast.stat().st_size

    def free(self) -> None:
        """Make room again, as a person would."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def _mount(self) -> None:
        _run("mount", "-t", "tmpfs", "-o", f"size={self._megabytes}m", "tmpfs", str(self.folder))


class ImageDisk(_Disk):
    """A file system in an image, which holds what was really written to the disk: what was synced, and little else.

    Args:
        megabytes: its size.
    """

    def __init__(self, *, megabytes: int) -> None:
        super().__init__()
        self._image = self._home / "image"
        self._kept = self._home / "image.at.the.cut"
        with self._image.open("wb") as image:
            image.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def sync(self) -> None:
        """Write to the disk what a machine would have had the time to write: the server's configuration, say."""
        _run("sync", "-f", str(self.folder))

    def cut_power(self) -> None:
        """Note what is on the disk at this moment; the rest of the file system's memory will be lost."""
        shutil.copyfile(self._image, self._kept)

    def come_back(self) -> None:
        """Mount what was on the disk when the power was cut; nothing may run on it now."""
        self._unmount()
        self._image, self._kept = self._kept, self._image
        self._mount()

    def _mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
