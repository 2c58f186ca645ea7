"""`GET /openapi.json`, and `GET /docs` for people."""

from importlib.metadata import version

from flask import Response, current_app

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes, Stream
from services.gateway.openapi import openapi_document
from services.gateway.reference.page import reference_page, style_sheet

_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"}


def reference_routes() -> Routes:
    """The routes that describe all routes."""
    routes = Routes("reference")

    @routes.declare(
        "GET",
        "/openapi.json",
        scope=Scope.OPEN,
        summary="This API as an OpenAPI 3.1 document",
        answers={200: Stream("application/json", "An OpenAPI 3.1 document.")},
        problems=[401],
    )
    def openapi() -> Response:
        return json_answer(openapi_document(current_app, version=version("tuco-jobs")))

    @routes.declare(
        "GET",
        "/docs",
        scope=Scope.OPEN,
        summary="This API for people",
        answers={200: Stream("text/html", "A page without scripts.")},
        problems=[401],
    )
    def docs() -> Response:
        page = reference_page(openapi_document(current_app, version=version("tuco-jobs")))
        return Response(page, headers=_POLICY, content_type="text/html; charset=utf-8")

    @routes.declare(
        "GET",
        "/docs/style.css",
        scope=Scope.OPEN,
        summary="The style of the page",
        answers={200: Stream("text/css", "A style sheet.")},
        problems=[401],
    )
    def docs_style() -> Response:
        return Response(style_sheet(), content_type="text/css; charset=utf-8")

    return routes
