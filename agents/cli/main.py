"""`crs-monitor`: the commands, each in a module of its own that is only loaded when it is asked for."""

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
    "replay": "Judge recorded events (NDJSON or CLIF); no broker needed.",
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
    """The commands that are there; a broken one does not break the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table above."""
        return [name for name in COMMANDS if module_of(name) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads the command's module."""
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
        """The list for --help, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def main(self, *args: Any, **settings: Any) -> Any:
        """As click does it, with every complaint on one line."""
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
            leave_quietly()
        except OSError as error:
            click.echo(f"crs-monitor: {error.filename or 'input or output'}: {error.strerror or error}", err=True)
            sys.exit(2)
        sys.exit(code if isinstance(code, int) else 0)


def module_of(name: str) -> str | None:
    """Where a command lives: `agents/cli/<name>.py`."""
    module = f"agents.cli.{name}"
    return module if find_spec(module) else None


def one_line(error: click.ClickException) -> str:
    """What is wrong, and where to read how it is done."""
    said = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{said} ({context.command_path} --help says how)" if context is not None else said


def leave_quietly() -> None:
    """Whoever read our output has enough of it (`| head`); that is no fault of anyone."""
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
