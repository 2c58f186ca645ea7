"""Redis behind TLS: one server, a cluster and sentinels, with a certificate that this test signs itself."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs.common.broker.connection import connect_redis
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.embedded import RedisServer, ports
from libs.embedded.redis_server import ConfigValue
from tests.integration.broker.conftest import Bench
from tests.integration.redis_kinds.servers import SLOTS, ask, redis_binaries
from tests.waiting import wait_until


def _speaks_tls(program: Path) -> bool:
    """A server without TLS refuses the directive and says so; one with it then misses the certificate."""
    tried = subprocess.run(
        [program, "--port", "0", "--tls-port", str(ports.choose())], capture_output=True, timeout=10, check=False
    )
    return b"Bad directive" not in tried.stdout + tried.stderr


@pytest.fixture(scope="module")
def tls_binary() -> Path:
    for program in redis_binaries().values():
        if _speaks_tls(program):
            return program
    pytest.skip("no redis-server here was built with TLS; the embedded one is not")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 (``cert.pem``) and its key (``key.pem``), in a folder."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tuco-jobs test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(ports.HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


def _directives(certificate: Path, port: int, **more: ConfigValue) -> Mapping[str, ConfigValue]:
    return {
        "tls-port": port,
        "tls-cert-file": str(certificate / "cert.pem"),
        "tls-key-file": str(certificate / "key.pem"),
        "tls-ca-cert-file": str(certificate / "cert.pem"),
        **more,
    }


def _bench(url: str) -> Bench:
    return Bench(connect_redis(Settings(redis_url=Secret(url))))


def _works(bench: Bench) -> bool:
    job_ids = [added.job_id for added in bench.queue.add([bench.new(), bench.new(priority=1)])]
    return {job.job_id for job in bench.fetch(5)} == set(job_ids)


def test_one_server_asks_for_our_certificate_and_shows_its_own(tls_binary: Path, certificate: Path) -> None:
    port = ports.choose()
    with RedisServer(binary=tls_binary, config=_directives(certificate, port)):
        ours = f"ssl_certfile={certificate}/cert.pem&ssl_keyfile={certificate}/key.pem"
        assert _works(_bench(f"rediss://{ports.HOST}:{port}/0?ssl_ca_certs={certificate}/cert.pem&{ours}"))
        with pytest.raises(StoreUnavailable, match="certificate"):
            _bench(f"rediss://{ports.HOST}:{port}/0?{ours}").add()
        with pytest.raises(StoreUnavailable):
            _bench(f"rediss://{ports.HOST}:{port}/0?ssl_ca_certs={certificate}/cert.pem").add()


def test_a_cluster(tls_binary: Path, certificate: Path) -> None:
    port = ports.choose()
    directives = _directives(
        certificate, port, **{"tls-auth-clients": "no", "tls-cluster": "yes", "cluster-enabled": "yes"}
    )
    with RedisServer(binary=tls_binary, config=directives) as node:
        ask(node, "CLUSTER", "ADDSLOTS", *range(SLOTS))
        wait_until(lambda: ask(node, "CLUSTER INFO")["cluster_state"] == "ok", message="the cluster is up")
        assert _works(_bench(f"rediss+cluster://{ports.HOST}:{port}?ssl_ca_certs={certificate}/cert.pem"))
        with pytest.raises(StoreUnavailable):
            _bench(f"rediss+cluster://{ports.HOST}:{port}").add()


def test_behind_sentinels(tls_binary: Path, certificate: Path) -> None:
    port, sentinel_port = ports.choose(), ports.choose()
    open_to_all: dict[str, ConfigValue] = {"tls-auth-clients": "no", "tls-replication": "yes"}
    with RedisServer(binary=tls_binary, config=_directives(certificate, port, **open_to_all)):
        watch: dict[str, ConfigValue] = {**open_to_all, "sentinel": [f"monitor main {ports.HOST} {port} 1"]}
        directives = _directives(certificate, sentinel_port, **watch)
        with RedisServer(binary=tls_binary, sentinel=True, config=directives) as sentinel:
            wait_until(lambda: ask(sentinel, "SENTINEL MASTERS")["main"]["is_master"], message="it knows the master")
            address = f"{ports.HOST}:{sentinel_port}/main"
            assert _works(_bench(f"rediss+sentinel://{address}?ssl_ca_certs={certificate}/cert.pem"))
            with pytest.raises(StoreUnavailable):
                _bench(f"rediss+sentinel://{address}").add()
