"""The program `tuco-jobs`."""

from copy import copy
from importlib.metadata import version

import click

from libs.cli.commands.availability import availability
from libs.cli.commands.bulk import bulk
from libs.cli.commands.completion import completion
from libs.cli.commands.demo import demo
from libs.cli.commands.dev import dev
from libs.cli.commands.enqueue import enqueue
from libs.cli.commands.health import health
from libs.cli.commands.init import init
from libs.cli.commands.integration import integration
from libs.cli.commands.job import job
from libs.cli.commands.keys import keys
from libs.cli.commands.leads import leads
from libs.cli.commands.line import line, lines
from libs.cli.commands.message import campaign, explain, message
from libs.cli.commands.queue import cancel, dead, jobs, pause, promote, retry, unpause
from libs.cli.commands.schedules import schedules
from libs.cli.commands.stats import stats
from libs.cli.commands.stop import resume, stop, stops
from libs.cli.commands.sync import sync
from libs.cli.commands.top import top
from libs.cli.commands.troubles import troubles
from libs.cli.program import Program


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("tuco-jobs"), prog_name="tuco-jobs")
def main() -> None:
    """The job server of Tuco AI.

    Commands find the gateway by BULLMQ_SERVER_URL and SERVICE_TOKEN (ADMIN_TOKEN for init), and the database by
    MONGODB_URI. Where these are not set, they use what a running `tuco-jobs dev` wrote into .tuco/dev.env.

    Exit status: 0 done, 1 it ran and failed, 2 wrong usage or input, 3 a server does not answer, 130 Ctrl-C, 141 nobody
    reads on.
    """


for command in (
    availability,
    bulk,
    campaign,
    cancel,
    completion,
    dead,
    demo,
    dev,
    enqueue,
    explain,
    health,
    init,
    integration,
    job,
    jobs,
    keys,
    leads,
    line,
    lines,
    message,
    pause,
    promote,
    resume,
    retry,
    schedules,
    stats,
    stop,
    stops,
    sync,
    top,
    troubles,
    unpause,
):
    main.add_command(command)

_before = copy(schedules)
_before.hidden = True
main.add_command(_before, "schedule")  # its earlier name


if __name__ == "__main__":
    main()
