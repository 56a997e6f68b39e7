"""mocap doctor: what this machine has, what it lacks, and how to get it."""

from __future__ import annotations

import click

from mocap.cli.console import Console, json_option


@click.command()
@json_option
def doctor(console: Console) -> None:
    """Check this machine: versions, weights, codecs, npm, cores and graphics card."""
    from mocap.workflow.checks.doctor import look_at_machine

    checks = look_at_machine()
    for check in checks:
        sign = "ok     " if check.ok else "MISSING" if check.needed else "absent "
        console.line(f"{sign} {check.name}: {check.found}")
        if not check.ok and check.remedy:
            console.line(f"        {check.remedy}")
    console.result({"checks": [check.__dict__ for check in checks]})
    if any(check.needed and not check.ok for check in checks):
        raise click.exceptions.Exit(1)
