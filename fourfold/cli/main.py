"""The command `fourfold`: the group of all commands, and what becomes of a mistake. Every command is a thin skin over a
Python call.

Heavy imports stay inside the commands, so that `--help` answers at once.
"""

import errno
import sys
from collections.abc import Sequence

import click

from fourfold.cli.datasets import DATASET_COMMANDS
from fourfold.cli.evaluation import EVALUATION_COMMANDS
from fourfold.cli.publishing import PUBLISHING_COMMANDS
from fourfold.cli.training import TRAINING_COMMANDS
from fourfold.errors import InputError
from fourfold.version import software_version

WRONG = 2
INTERRUPTED = 130  # what shells report of a program stopped by Ctrl-C
# Troubles with a place that the user gave; any other OSError is ours to explain.
_PLACES = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
)
_RESUMED = ("generate", "demo", "train-head", "train-tiny")
_CACHED = ("evaluate", "probe", "diagnose")


def _say_version(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given and not context.resilient_parsing:
        click.echo(f"fourfold, version {software_version()}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Measure what CLIP-like models cannot represent: rendered scenes, fourfold captions, an evaluator with and without
    dense cosine similarity maps (DCSM).

    Start with `fourfold demo demo`.
    """


for _command in (*DATASET_COMMANDS, *EVALUATION_COMMANDS, *PUBLISHING_COMMANDS, *TRAINING_COMMANDS):
    cli.add_command(_command)


def main() -> None:
    """Run the command line: a user's mistake is one line and exit code 2, Ctrl-C is 130."""
    try:
        cli(prog_name="fourfold", standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except click.ClickException as error:
        if len(sys.argv) == 1:  # `fourfold` alone: click's message is the help
            error.show()
            sys.exit(WRONG)
        context = getattr(error, "ctx", None)
        _fail(error.format_message() + (f" (see `{context.command_path} --help`)" if context else ""))
    except OSError as error:
        if error.errno not in _PLACES:
            raise
        _fail(f"{error.filename or 'a file'}: {error.strerror}; give another place")
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"fourfold: interrupted; {_what_is_kept(sys.argv[1:])}", err=True)
        sys.exit(INTERRUPTED)


def _what_is_kept(arguments: Sequence[str]) -> str:
    """What the same command finds when it is given again."""
    name = next((each for each in arguments if each in cli.commands), "")
    if name in _RESUMED or (name == "evaluate" and "--models" in arguments):
        return "the same command resumes, what is finished is kept"
    if "--cache" in arguments:
        return "the same command begins anew; what was encoded is in the cache"
    return "the same command begins anew" + ("; with --cache, encoded features are kept" * (name in _CACHED))


def _fail(message: str) -> None:
    click.echo(f"fourfold: {' '.join(message.split())}", err=True)
    sys.exit(WRONG)


if __name__ == "__main__":
    main()
