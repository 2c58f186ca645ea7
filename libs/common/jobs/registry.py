"""All job types, found in this folder: a new contract module is known without being listed anywhere."""

import importlib
import pkgutil
from functools import cache
from typing import Any

import libs.common.jobs as package
from libs.common.errors import InvalidInput
from libs.common.jobs.contract import JobContract

AnyContract = JobContract[Any]


@cache
def contracts() -> dict[str, AnyContract]:
    """Every job type by its name."""
    found: dict[str, AnyContract] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        for value in vars(module).values():
            if isinstance(value, JobContract):
                found[value.job_type] = value
    return dict(sorted(found.items()))


@cache
def queues() -> tuple[str, ...]:
    """Every queue, sorted."""
    return tuple(sorted({contract.queue for contract in contracts().values()}))


def contract_of(job_type: str, *, field: str = "jobType") -> AnyContract:
    """The contract of a job type.

    Raises:
        InvalidInput: naming the job types that there are.
    """
    try:
        return contracts()[job_type]
    except KeyError:
        raise InvalidInput(
            field, f"unknown job type {job_type!r}; the job types are: {', '.join(contracts())}"
        ) from None
