"""How every benchmark that is a command ends on a user's mistake: one line, exit code 2."""

import sys

import click

from fourfold.errors import InputError


def run(main: click.Command) -> None:
    """Run a benchmark's command; what a user got wrong is said on standard error, never as a traceback."""
    try:
        main(standalone_mode=False)
    except (InputError, click.ClickException) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
