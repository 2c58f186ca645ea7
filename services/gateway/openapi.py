"""The OpenAPI 3.1 document, made from the routes' declarations and the types that they name. No I/O.

See https://spec.openapis.org/oas/v3.1.1. Its schemas are JSON Schema 2020-12, which msgspec writes.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask
from werkzeug.routing import Rule

from libs.common.jobs.contract import Origin
from libs.common.jobs.registry import contracts
from services.gateway.answers import Problem
from services.gateway.auth import Scope
from services.gateway.declaring import Body, Declaration, Stream, declaration_of
from services.gateway.orders import BatchItem, BatchRequest, JobRequest, RequestedOptions

Document = dict[str, Any]

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_ARGUMENT = re.compile(r"^ {4,8}(\w+): (.*)$")
_SCOPES = {
    Scope.SERVICE: "Needs SERVICE_TOKEN or ADMIN_TOKEN.",
    Scope.ADMIN: "Needs ADMIN_TOKEN.",
}


def declared_routes(app: Flask) -> Iterator[tuple[Rule, Declaration]]:
    """Every declared route of an app with its address, in the order of addresses."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        declared = declaration_of(app.view_functions[rule.endpoint])
        if declared is not None:
            yield rule, declared


def openapi_document(app: Flask, *, version: str) -> Document:
    """The document of everything that an app has declared.

    Args:
        app: the app, with all its routes.
        version: of this software.
    """
    routes = list(declared_routes(app))
    schemas = _schemas(declared for _, declared in routes)
    paths: dict[str, Document] = {}
    for rule, declared in routes:
        operation = _operation(rule, declared, schemas)
        paths.setdefault(path_of(rule.rule), {})[declared.method.lower()] = operation
    for declared in (declared for _, declared in routes):
        if declared.query is not None:
            schemas.pop(declared.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tuco Jobs",
            "version": version,
            "description": "The job server of Tuco AI. Errors are problem documents (RFC 9457).",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "serviceToken": {"type": "apiKey", "in": "header", "name": "x-service-token"},
            },
        },
    }


def path_of(rule: str) -> str:
    """An address as OpenAPI writes it: ``/jobs/<job_id>`` is ``/jobs/{jobId}``."""
    return _PATH_PARAMETER.sub(lambda match: f"{{{_camel(match[1])}}}", rule)


def _operation(rule: Rule, declared: Declaration, schemas: Mapping[str, Document]) -> Document:
    operation: Document = {
        "operationId": _camel(rule.endpoint.replace(".", "_").replace("-", "_")),
        "summary": declared.summary,
        "tags": [declared.tag],
        "parameters": _parameters(rule, declared, schemas),
        "responses": {str(status): _answer(status, body) for status, body in declared.answers.items()}
        | {str(status): _problem(status) for status in declared.all_problems},
    }
    if declared.scope > Scope.OPEN:
        operation["security"] = [{"bearer": []}, {"serviceToken": []}]
        operation["description"] = _SCOPES[declared.scope]
    else:
        operation["security"] = []
    if declared.body is not None:
        operation["requestBody"] = {
            "required": not declared.body_optional,
            "content": {"application/json": {"schema": _ref(declared.body)}},
        }
    for status, answer in operation["responses"].items():
        # A status may say both: health answers 503 with its own body, and a lost store with a problem.
        if int(status) in declared.problems and "application/problem+json" not in answer["content"]:
            answer["content"]["application/problem+json"] = {"schema": _ref(Problem)}
    return operation


def _parameters(rule: Rule, declared: Declaration, schemas: Mapping[str, Document]) -> list[Document]:
    found: list[Document] = [
        {"name": _camel(name), "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_PARAMETER.findall(rule.rule)
    ]
    if declared.query is not None:
        described = schemas[declared.query.__name__]
        for name, schema in described["properties"].items():
            plain = {key: value for key, value in schema.items() if key != "description"}
            parameter: Document = {
                "name": name,
                "in": "query",
                "required": name in described.get("required", ()),
                "schema": plain,
            }
            if "description" in schema:
                parameter["description"] = schema["description"]
            found.append(parameter)
    found += [
        {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string"}}
        for name, words in declared.headers.items()
    ]
    return found


def _answer(status: int, body: Body) -> Document:
    answer: Document = {"description": HTTPStatus(status).phrase, "content": {}}
    if not isinstance(body, Stream):
        answer["content"]["application/json"] = {"schema": _ref(body)}
    elif body.media_type:
        answer["description"] = body.describes
        answer["content"][body.media_type] = {"schema": {"type": "string"}}
    return answer


def _problem(status: int) -> Document:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }


def _schemas(declarations: Iterator[Declaration]) -> dict[str, Document]:
    payloads = [contract.payload for contract in contracts().values() if contract.origin is Origin.REST]
    always: list[type[msgspec.Struct]] = [Problem, JobRequest, BatchItem, BatchRequest, RequestedOptions, *payloads]
    types = {each.__name__: each for each in always}
    for declared in declarations:
        named: list[type[msgspec.Struct] | None] = [declared.body, declared.query]
        named += [body for body in declared.answers.values() if not isinstance(body, Stream)]
        types |= {each.__name__: each for each in named if each is not None}
    _, components = msgspec.json.schema_components(list(types.values()), ref_template=_REF)
    for schema in components.values():
        _move_words_to_fields(schema)
    # What is checked job type by job type, and item by item, is a plain object in the types that read it.
    for name in (JobRequest.__name__, BatchItem.__name__):
        properties = components[name]["properties"]
        properties["data"] |= {"anyOf": [_ref(payload) for payload in payloads]}
        properties["options"] = {**_ref(RequestedOptions), "description": properties["options"].get("description", "")}
        properties["jobType"]["enum"] = sorted(
            contract.job_type for contract in contracts().values() if contract.origin is Origin.REST
        )
    components[BatchRequest.__name__]["properties"]["jobs"]["items"] = _ref(BatchItem)
    return dict(sorted(components.items()))


def _move_words_to_fields(schema: Document) -> None:
    """A docstring's ``Args`` become the descriptions of the fields."""
    words, _, arguments = schema.get("description", "").partition("Args:")
    if words:
        schema["description"] = " ".join(words.split())
    name = ""
    said: dict[str, str] = {}
    for line in arguments.splitlines():
        if match := _ARGUMENT.match(line):
            name = _camel(match[1])
            said[name] = match[2].strip()
        elif name and line.strip():
            said[name] += f" {line.strip()}"
    for name, text in said.items():
        if name in schema.get("properties", {}):
            schema["properties"][name]["description"] = text


def _ref(body: type[msgspec.Struct]) -> Document:
    return {"$ref": _REF.format(name=body.__name__)}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
