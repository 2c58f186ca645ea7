"""A container engine on whatever machine there is: podman, in a storage of its own, with a base image at hand.

Inside another sandbox podman needs to be talked down: lower limits, no filter of system calls, runc. Where no registry
of images is reachable, a Debian of the same release, made with debootstrap, stands in for the base image.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PUBLIC_BASE = "docker.io/library/python:3.11-slim-bookworm"
_BARE = "localhost/bare"
_PLAIN: Sequence[str] = ()
_SANDBOXED: Sequence[str] = (
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
    "--security-opt=seccomp=unconfined",
)
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class EngineUnavailableError(Exception):
    """No container can be built or run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """podman with the flags that work here.

    Args:
        command: podman and its global flags.
        run_flags: what `run` needs here.
        base: the image to build on.
        environment: of podman itself.
    """

    command: Sequence[str]
    run_flags: Sequence[str]
    base: str
    environment: dict[str, str]

    def build(self, root: Path, *, service: str) -> str:
        """Builds a service's image; answers its name."""
        name = f"localhost/tuco-jobs/{service}"
        self._do(
            "build",
            "--quiet",
            "--isolation=chroot",
            "--format=docker",
            f"--file={root / 'deploy/image/Dockerfile'}",
            f"--ignorefile={root / 'deploy/image/Dockerfile.dockerignore'}",
            f"--build-arg=BASE={self.base}",
            f"--build-arg=SERVICE={service}",
            f"--tag={name}",
            str(root),
            timeout_s=600,
        )
        return name

    def start(self, image: str, *arguments: str, **environment: str) -> str:
        """Starts a container as a cluster would; answers its id."""
        given = [f"--env={name}={value}" for name, value in environment.items()]
        return self._do("run", "--detach", *self._shut_in(), *given, image, *arguments, timeout_s=60).strip()

    def python(self, image: str, program: str) -> "subprocess.CompletedProcess[str]":
        """Runs a Python program in a new container of the image."""
        return self._try("run", "--rm", *self._shut_in(), "--entrypoint=python", image, "-c", program, timeout_s=60)

    def inside(self, container: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command in a running container."""
        return self._try("exec", container, *command, timeout_s=60)

    def stop(self, container: str, *, grace_s: int) -> int:
        """SIGTERM, and SIGKILL after the grace; answers the exit status."""
        self._do("stop", f"--time={grace_s}", container, timeout_s=grace_s + 30)
        return int(self._do("inspect", "--format={{.State.ExitCode}}", container, timeout_s=30))

    def logs(self, container: str) -> str:
        """What the container has written."""
        answer = self._try("logs", container, timeout_s=30)
        return answer.stdout + answer.stderr

    def size(self, image: str) -> int:
        """The image's bytes on disk, the base's among them."""
        return int(self.facts(image)["Size"])

    def facts(self, image: str) -> dict[str, Any]:
        """What the engine knows of an image."""
        facts: dict[str, Any] = json.loads(self._do("image", "inspect", image, timeout_s=30))[0]
        return facts

    def _shut_in(self) -> Sequence[str]:
        return [
            "--read-only",
            "--read-only-tmpfs=false",
            "--tmpfs=/tmp",
            "--cap-drop=ALL",
            "--network=host",
            "--no-healthcheck",
            *self.run_flags,
        ]

    def _do(self, *arguments: str, timeout_s: float) -> str:
        answer = self._try(*arguments, timeout_s=timeout_s)
        if answer.returncode:
            raise EngineUnavailableError(f"podman {arguments[0]}: {answer.stderr[-2000:]}")
        return answer.stdout

    def _try(self, *arguments: str, timeout_s: float) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environment,
            check=False,
        )


def find_engine(folder: Path) -> Engine:
    """The engine of this machine, its storage in ``folder``.

    Raises:
        EngineUnavailableError: there is none, it cannot run containers, or there is no base image.
    """
    podman = shutil.which("podman")
    if podman is None:
        raise EngineUnavailableError("needs podman (Debian: apt-get install podman runc debootstrap)")
    command = [podman, f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}", "--cgroup-manager=cgroupfs"]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "BUILDAH_ISOLATION": "chroot"}
    base = _base(command, environment, folder)
    for runtime, flags in (([], _PLAIN), (["--runtime=runc"], _SANDBOXED)):
        engine = Engine([*command, *runtime], flags, base, environment)
        if engine.python(base, "").returncode == 0 or _runs(engine, base):
            return engine
    raise EngineUnavailableError("podman cannot run a container here")


def _runs(engine: Engine, image: str) -> bool:
    answer = subprocess.run(
        [*engine.command, "run", "--rm", "--network=host", *engine.run_flags, image, "true"],
        capture_output=True,
        timeout=60,
        env=engine.environment,
        check=False,
    )
    return answer.returncode == 0


def _base(command: Sequence[str], environment: dict[str, str], folder: Path) -> str:
    pulled = _ran(command, "pull", "--quiet", PUBLIC_BASE, environment=environment, timeout_s=120)
    return PUBLIC_BASE if pulled else _debian(command, environment, folder)


def _debian(command: Sequence[str], environment: dict[str, str], folder: Path) -> str:
    """A Debian with Python 3.11 and this machine's certificates, which reach this machine's registries."""
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise EngineUnavailableError("no registry of images is reachable, and there is no debootstrap (as root)")
    root = folder / "debian"
    made = _ran(
        ["debootstrap"],
        "--variant=minbase",
        "--include=python3,python3-venv,ca-certificates,tzdata",
        "bookworm",
        str(root),
        environment=environment,
        timeout_s=600,
    )
    if not made:
        raise EngineUnavailableError("debootstrap failed")
    for mounted in ("proc", "sys"):
        subprocess.run(["umount", "--quiet", str(root / mounted)], capture_output=True, check=False)
    context = folder / "context"
    context.mkdir()
    subprocess.run(
        [
            "tar",
            "--one-file-system",
            "--exclude=./var/cache/apt/archives/*.deb",
            "-C",
            str(root),
            "-cf",
            str(context / "root.tar"),
            ".",
        ],
        check=True,
    )
    shutil.copy(_CERTIFICATES, context / "certificates.crt")
    (context / "Dockerfile").write_text(
        f"FROM scratch\nADD root.tar /\nCOPY certificates.crt {_CERTIFICATES}\n"
        f"ENV SSL_CERT_FILE={_CERTIFICATES} PIP_CERT={_CERTIFICATES}\n"
    )
    if not _ran(command, "build", "--quiet", f"--tag={_BARE}", str(context), environment=environment, timeout_s=300):
        raise EngineUnavailableError("podman cannot build an image here")
    return _BARE


def _ran(command: Sequence[str], *arguments: str, environment: dict[str, str], timeout_s: float) -> bool:
    try:
        answer = subprocess.run(
            [*command, *arguments], capture_output=True, timeout=timeout_s, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0
