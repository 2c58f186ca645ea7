"""Runs a small job at once on its service's own HTTP port."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import msgspec

from libs.common.errors import TucoError
from libs.common.http_sync import sync_client
from libs.common.tracing.switch import carried


class DirectRunFailed(TucoError):
    """The service did not answer with a result; whether it did the job is not known."""


class _Answer(msgspec.Struct, frozen=True):
    result: Any


class DirectRuns:
    """Calls services' ``POST /run``.

    Args:
        urls: by job type, the own address of the service that runs it.
        token: its bearer token; empty where it asks for none.
        timeout: how long an answer may take.
    """

    def __init__(self, urls: Mapping[str, str], *, token: str, timeout: timedelta) -> None:
        self._run_urls = {job_type: f"{url.rstrip('/')}/run" for job_type, url in urls.items()}
        self._client = sync_client(timeout=timeout, bearer=token)

    def run(self, job_type: str, job_id: str, data: dict[str, Any]) -> Any:
        """The job's result.

        Raises:
            DirectRunFailed: there is none, and the job belongs into its queue.
        """
        body = msgspec.json.encode({"jobType": job_type, "jobId": job_id, "data": data})
        try:
            url = self._run_urls[job_type]
            answer = self._client.post(url, content=body, headers={"Content-Type": "application/json", **carried()})
            if answer.status_code != httpx.codes.OK:
                raise DirectRunFailed(f"the service answered {answer.status_code}")
            return msgspec.json.decode(answer.content, type=_Answer).result
        except httpx.HTTPError as error:
            raise DirectRunFailed(str(error) or type(error).__name__) from error
        except msgspec.DecodeError as error:
            raise DirectRunFailed(f"the service's answer cannot be read: {error}") from error

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
