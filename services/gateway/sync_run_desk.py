"""What callers ask and decide about runs of a sync: how far each is, what it refused, and ending one."""

from werkzeug.exceptions import Conflict, NotFound

from libs.common.stores.integration_desk import IntegrationDesk
from libs.common.stores.sync_run_desk import SyncRunDesk
from libs.common.stores.sync_runs import RunStatus, SyncRun
from services.gateway.decisions import Decided, Decisions
from services.gateway.integration_desk import no_integration
from services.gateway.integration_views import RunAnswer, RunErrorsAnswer, RunsAnswer, run_answer, shown_run


class SyncRuns:
    """Answers and decides about runs.

    Args:
        desk: knows runs.
        integrations: knows whose they are.
        decisions: cancels jobs.
    """

    def __init__(self, desk: SyncRunDesk, integrations: IntegrationDesk, decisions: Decisions) -> None:
        self._desk = desk
        self._integrations = integrations
        self._decisions = decisions

    def of_integration(self, integration_id: str, *, bound_to: str | None, cursor: str, limit: int) -> RunsAnswer:
        """An integration's runs, the latest first; also of one that is no more, as long as they are kept.

        Raises:
            InvalidInput: the cursor is none.
            NotFound: there is no such integration, and no run of it, in what the caller may see.
            StoreUnavailable: MongoDB is away.
        """
        found = self._desk.runs(integration_id, before=cursor, limit=limit)
        if found:
            workspace_id: str | None = found[0].workspace_id
        else:
            overview = self._integrations.one(integration_id)
            workspace_id = overview.integration.workspace_id if overview else None
        if workspace_id is None or bound_to not in (None, workspace_id):
            raise no_integration(integration_id)
        return RunsAnswer(
            runs=[shown_run(run) for run in found], cursor=str(found[-1].id) if len(found) == limit else None
        )

    def one(self, run_id: str, *, bound_to: str | None) -> RunAnswer:
        """A run.

        Raises:
            NotFound: there is none of this id in what the caller may see.
            StoreUnavailable: MongoDB is away.
        """
        run = self._found(run_id, bound_to)
        return run_answer(run, self._desk.problem_groups(run.id) if run.checkpoint.problems else ())

    def errors(self, run_id: str, *, bound_to: str | None, cursor: str, limit: int) -> RunErrorsAnswer:
        """The refused rows and fields of a run.

        Raises:
            InvalidInput: the cursor is none.
            NotFound: there is no such run in what the caller may see.
            StoreUnavailable: MongoDB is away.
        """
        run = self._found(run_id, bound_to)
        problems, following = self._desk.problems(run.id, after=cursor, limit=limit)
        return RunErrorsAnswer(errors=problems, cursor=following)

    def cancel(self, run_id: str, *, bound_to: str | None) -> Decided:
        """Cancels a run; what it has written stays. One that is being worked on ends at its next page.

        Raises:
            NotFound: there is no such run in what the caller may see.
            Conflict: it has ended.
            StoreUnavailable: a store is away; the call may be repeated.
        """
        run = self._found(run_id, bound_to)
        if run.status is not RunStatus.RUNNING:
            raise Conflict(f"The run is {run.status}; only one that is running can be cancelled.")
        return self._decisions.end(run.job_id)

    def _found(self, run_id: str, bound_to: str | None) -> SyncRun:
        run = self._desk.run(run_id)
        if run is None or bound_to not in (None, run.workspace_id):
            raise NotFound(f"There is no run {run_id[:80]!r}.")
        return run
