"""`python -m services.gateway.reference`: write docs/reference/rest.md anew; `--openapi` prints the document."""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec

from libs.common.settings import Secret, Settings
from services.gateway.bootstrap import Gateway, build
from services.gateway.openapi import Document, openapi_document
from services.gateway.reference.markdown import reference_markdown

PAGE = Path("docs/reference/rest.md")


def whole_gateway() -> Gateway:
    """A gateway with all its routes and no stores; nothing is contacted to make it."""
    nowhere = Settings(
        environment="dev",
        redis_url=Secret("redis://127.0.0.1:9/0"),
        mongodb_uri=Secret("mongodb://127.0.0.1:9/tuco?connect=false"),
    )
    return build(nowhere)


def full_document() -> Document:
    """The document of a whole gateway."""
    gateway = whole_gateway()
    try:
        return openapi_document(gateway.app, version=version("tuco-jobs"))
    finally:
        gateway.side_by_side.close()


def main() -> None:
    """Writes or prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--openapi", action="store_true", help="print the OpenAPI document")
    document = full_document()
    if parser.parse_args().openapi:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
    else:
        PAGE.write_text(reference_markdown(document), encoding="utf-8")


if __name__ == "__main__":
    main()
