"""The command `mocap`: its groups of commands, and the one place where errors become messages."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

import click

from mocap.core.errors import MocapError
from mocap.core.files.outside import OUTSIDE, print_any_name, what_happened
from mocap.workflow.graph import GRAPH
from mocap.workflow.version import installed_version

# Command -> (module that defines it, one line of help). Modules load when their command is used
# or its own help is asked for.
COMMANDS = {
    "boards": ("mocap.cli.setup_commands", "List the calibration boards."),
    "board": ("mocap.cli.setup_commands", "Write a board at true scale as PDF, SVG or PNG."),
    "rigs": ("mocap.cli.setup_commands", "List the rigs."),
    "new": ("mocap.cli.setup_commands", "Make a session folder."),
    "calibrate": ("mocap.cli.calibrate_commands", "Calibrate the rig from the board recordings."),
    "lens": ("mocap.cli.calibrate_commands", "Calibrate lenses alone, to be used in every rig."),
    "world": ("mocap.cli.world_commands", "Put the world on the floor: origin, Z up, metres."),
    "survey": ("mocap.cli.world_commands", "Prove scale and world by tape and surveyed points."),
    "calibration": ("mocap.cli.world_commands", "Import, export or refine a calibration."),
    "check": ("mocap.cli.check_commands", "Tell whether a camera has moved, and mend a turn."),
    "models": ("mocap.cli.model_commands", "List or fetch network weights."),
    "detections": ("mocap.cli.import_command", "Use keypoints that other tools found."),
    "import": ("mocap.cli.import_command", "Make a take of joints or markers of another system."),
    **{row.name: ("mocap.cli.take_commands", row.about) for row in GRAPH},
    "sync": ("mocap.cli.sync_command", "Bring the cameras of a take to one clock."),
    "export": ("mocap.cli.export_command", "Write files for other programs, or onto a character."),
    "people": ("mocap.cli.people_command", "List who is in a take, name and correct them."),
    "edit": ("mocap.cli.people_command", "Trim a take, ignore a camera, correct what was found."),
    "opensim": ("mocap.cli.opensim_command", "Joint angles of a take by OpenSim."),
    "mesh": ("mocap.cli.body_commands", "Write the skin of the fitted bodies, or draw it."),
    "measure": ("mocap.cli.measure_commands", "Measure throws, exercises, gait and postures."),
    "actions": ("mocap.cli.understand_commands", "Recognise what people do; alerts by rules."),
    "exercise": ("mocap.cli.understand_commands", "Compare repetitions with one's own."),
    "lift": ("mocap.cli.understand_commands", "Preview a motion from one camera."),
    "trend": ("mocap.cli.trend_command", "Compare what was measured of a person over sessions."),
    "body": ("mocap.cli.body_commands", "Check a body file, or write the free body as one."),
    "run": ("mocap.cli.run_command", "Run every stage that is not current."),
    "batch": ("mocap.cli.batch_command", "Run many sessions, on several processes or machines."),
    "demo": ("mocap.cli.demo_command", "Run the sample session and compare with its truth."),
    "studio": ("mocap.cli.run_command", "See, judge and mend a session's takes in the browser."),
    "why": ("mocap.cli.check_commands", "Tell how a file came about, back to the videos."),
    "doctor": ("mocap.cli.check_commands", "Check this machine."),
}


class Commands(click.Group):
    """The group of all commands, loaded one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a session uses them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = getattr(import_module(module), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed, or name the nearest one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what a person can mend becomes `Error: …`, status 1, a JSON document."""
        print_any_name()
        try:
            return super().invoke(ctx)
        except (MocapError, *OUTSIDE) as error:
            from mocap.cli.console import Console

            Console.failed(what_happened(error))
            raise click.ClickException(what_happened(error)) from error


def _show_version(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(f"mocap-studio {installed_version()}")
        ctx.exit()


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Turn synchronised videos from several cameras into motion people can trust.

    A session is a folder; every command reads and writes there. Start with `mocap demo`.
    """
