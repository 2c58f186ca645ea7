"""A real Prometheus and a real Alertmanager over a running installation, and somebody who is called."""

import json
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from libs.embedded import ports
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"


@dataclass(slots=True)
class Called:
    """Who is called by Alertmanager: each notified alert's labels, in order."""

    alerts: list[dict[str, str]] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, str]]:
        return [labels for labels in self.alerts if labels["alertname"] == name]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Asks a running Prometheus."""

    url: str

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query.

        Raises:
            AssertionError: Prometheus refuses it.
        """
        answer = self._get("/api/v1/query", query=expr)
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, with its health."""
        groups = self._get("/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found


@contextmanager
def running_prometheus(folder: Path, *, gateway_url: str, token: str, alertmanager: str = "") -> Iterator[Prometheus]:
    """Prometheus with the rules and the scrape settings of deploy/, on this machine's addresses."""
    settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    settings["rule_files"] = [str(DEPLOY / "prometheus" / "rules" / "*.yaml")]
    settings["global"] |= {"scrape_interval": "5s", "scrape_timeout": "4s", "evaluation_interval": "5s"}
    [scrape] = settings["scrape_configs"]
    scrape["static_configs"] = [{"targets": [urllib.parse.urlsplit(gateway_url).netloc]}]
    scrape["authorization"] = {"credentials": token}
    settings["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager] if alertmanager else []}]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    port = ports.choose()
    with _running(
        "prometheus",
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        log=folder / "prometheus.log",
    ):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(f"{url}/-/ready"), deadline_s=30, message="Prometheus is ready")
        yield Prometheus(url)


@contextmanager
def running_alertmanager(folder: Path) -> Iterator[tuple[str, Called]]:
    """Alertmanager with the routes of deploy/; answers its address, and who is called by it."""
    called = Called()
    with _listening(called) as hook:
        settings = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
        for receiver in settings["receivers"]:
            receiver["webhook_configs"] = [{"url": f"{hook}/{receiver['name']}", "send_resolved": False}]
        path = folder / "alertmanager.yml"
        path.write_text(yaml.safe_dump(settings))
        address = f"127.0.0.1:{ports.choose()}"
        with _running(
            shutil.which("prometheus-alertmanager") or "alertmanager",
            f"--config.file={path}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
            log=folder / "alertmanager.log",
        ):
            wait_until(lambda: _answers(f"http://{address}/-/ready"), deadline_s=30, message="Alertmanager is ready")
            yield address, called


@contextmanager
def _listening(called: Called) -> Iterator[str]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            called.alerts.extend({**alert["labels"], "receiver": self.path[1:]} for alert in body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _running(*command: str, log: Path) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return int(answer.status) == 200
    return False
