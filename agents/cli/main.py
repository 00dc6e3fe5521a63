"""`crs-monitor`: the list of commands; each is a module of its own that is loaded only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from agents.platform.errors import UserError
from agents.platform.extras import require_extra

COMMANDS = {
    "demo": "Show it all on this machine, on real ICU stays.",
    "replay": "Judge recorded events (NDJSON, HL7, FHIR or CLIF); no broker needed.",
    "translate": "Turn HL7 v2 or FHIR into events of the contract; no broker needed.",
    "worker": "Run a Faust worker: intake and watch.",
    "topics": "Create or check the topics.",
    "dispatch": "Deliver alerts to pagers.",
    "board": "Show the ward on an authenticated page.",
    "kafka": "Run a real Kafka on this machine, for development.",
    "simulate": "Send a seeded ward to Kafka or standard output.",
    "verify": "Replay the log offline and compare with what the live system wrote.",
    "rebuild": "Build state anew from the log.",
    "history": "Write state changes and alerts to a database.",
    "ack": "Acknowledge an alert.",
    "schemas": "Write the JSON Schemas.",
}
# Commands that an extra of the package is installed for; `agents.platform.extras` names its modules.
NEEDS_EXTRA = {"demo": "demo", "history": "history"}
INTERRUPTED = 130


class Commands(click.Group):
    """The commands by name; one that cannot be loaded does not break the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table above."""
        return [name for name in COMMANDS if module_of(name) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads the command's module. Raises UserError when an extra is missing or the module cannot be loaded."""
        module = module_of(cmd_name) if cmd_name in COMMANDS else None
        if module is None:
            return None
        if cmd_name in NEEDS_EXTRA:
            require_extra(NEEDS_EXTRA[cmd_name], cmd_name)
        try:
            command = import_module(module).command
        except ImportError as error:
            raise UserError(f"{cmd_name} cannot be loaded: {error}; install the package again") from error
        assert isinstance(command, click.Command), f"{module}.command is no command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list for --help without loading any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def main(self, *args: Any, **settings: Any) -> Any:
        """Runs a command; every error is one line on standard error, and the exit code is 2."""
        settings["standalone_mode"] = False
        try:
            code = super().main(*args, **settings)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(2)
        except click.ClickException as error:
            click.echo(f"crs-monitor: {one_line(error)}", err=True)
            sys.exit(2)
        except (click.Abort, KeyboardInterrupt):
            click.echo("crs-monitor: stopped", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            exit_after_closed_pipe()
        except OSError as error:
            click.echo(f"crs-monitor: {error.filename or 'input or output'}: {error.strerror or error}", err=True)
            sys.exit(2)
        sys.exit(code if isinstance(code, int) else 0)


def module_of(name: str) -> str | None:
    """The module of a command, `agents/cli/<name>.py`; None when there is none."""
    module = f"agents.cli.{name}"
    return module if find_spec(module) else None


def one_line(error: click.ClickException) -> str:
    """The error on one line; a wrong usage also names the help that explains the right one."""
    message = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message} ({context.command_path} --help says how)" if context is not None else message


def exit_after_closed_pipe() -> None:
    """Exits with 0 when the reader of our output has closed it (`| head`): that is no error."""
    sys.stdout = sys.stderr
    sys.exit(0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crs-monitor", prog_name="crs-monitor")
def main() -> None:
    """Watch CAR-T and bispecific patients for cytokine release syndrome.

    Decision support for clinicians: not a medical device, and not a primary alarm.
    """


if __name__ == "__main__":
    main()
