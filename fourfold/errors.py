"""The one exception that means: what the user gave is wrong, and here is what to do about it."""

import traceback
from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """A user's mistake, said in one line: where, what was given, what is allowed, how to fix it.

    The command line prints the message alone and exits with 2; any other exception is a bug of ours.
    """


def unknown_name(what: str, given: str, allowed: Iterable[str], where: str = "") -> InputError:
    """The error for a name that is not in a table: lists the choices and suggests the nearest."""
    choices = sorted(allowed)
    near = get_close_matches(given.lower(), [choice.lower() for choice in choices], n=1, cutoff=0.5)
    hint = next((f" Did you mean {choice!r}?" for choice in choices if near and choice.lower() == near[0]), "")
    prefix = f"{where}: " if where else ""
    return InputError(f"{prefix}unknown {what} {given!r}.{hint} Allowed: {', '.join(choices)}")


def explain(error: Exception) -> tuple[str, str]:
    """What is said of one failure among many: a user's mistake in its own words, without a trace; anything else in a
    line, and its trace.
    """
    if isinstance(error, InputError):
        return str(error), ""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return reason, "".join(traceback.format_exception(error))
