from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from pymongo.database import Database

from libs.common.settings import Secret, Settings
from libs.common.stores.mongo import Document, connect_mongo
from services.gateway.bootstrap import Gateway, build
from tests.integration.gateway.stub import Stub, running_stub
from tests.integration.ledger.factories import create_jobs

SERVICE = {"Authorization": "Bearer service"}
ADMIN = {"Authorization": "Bearer admin"}
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway on real stores, without a server in front."""

    gateway: Gateway
    client: FlaskClient
    database: Database[Document]


def settings_for(redis_url: str, mongo_uri: str, *, availability_url: str = NOBODY, service_urls: str = "") -> Settings:
    return Settings(
        redis_url=Secret(redis_url),
        mongodb_uri=Secret(mongo_uri),
        service_token=Secret("service"),
        admin_token=Secret("admin"),
        availability_url=availability_url,
        service_urls=service_urls,
        scrape_timeout_ms=1_000,
        direct_timeout_ms=1_000,
    )


def serve(settings: Settings) -> Served:
    gateway = build(settings)
    return Served(gateway=gateway, client=gateway.app.test_client(), database=connect_mongo(settings, service="tests"))


@pytest.fixture
def availability() -> Iterator[Stub]:
    """The availability service, played by the test."""
    with running_stub() as stub:
        yield stub


@pytest.fixture
def served(redis_url: str, mongo_uri: str, availability: Stub) -> Iterator[Served]:
    """A gateway on the session's servers, with the ledger's indexes; its reconciler does not run."""
    served = serve(settings_for(redis_url, mongo_uri, availability_url=availability.url))
    create_jobs(served.database)
    yield served
    served.gateway.close()
    served.database.client.close()
