"""Tells Prometheus which release runs."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from prometheus_client import Gauge

from libs.common.settings import Settings

BUILD: Final = Gauge("tuco_build_info", "The release that runs, and on which Python; always 1.", ["version", "python"])


def show_build(settings: Settings) -> None:
    """Shows this process's release from now on: the image's, or that of the installed package."""
    BUILD.labels(settings.tuco_version or _installed(), platform.python_version()).set(1)


def _installed() -> str:
    try:
        return version("tuco-jobs")
    except PackageNotFoundError:
        return "unknown"
