"""What a public call answers to an argument that it does not have: the one that was meant."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from fourfold.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")


class ArgumentError(InputError, TypeError):
    """A call was given an argument that it does not have: a user's mistake, and what Python calls a `TypeError`."""


@cache  # one object a call, so that it can be pickled by its name
def with_named_arguments(call: Callable[P, R]) -> Callable[P, R]:
    """A public call of `fourfold` that raises ArgumentError for an unknown keyword; its signature and help are kept."""
    known = inspect.signature(call).parameters
    open_ended = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in known.values())

    @wraps(call)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        unknown = [] if open_ended else [name for name in kwargs if name not in known]
        if unknown:
            near = get_close_matches(unknown[0].lower(), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise ArgumentError(f"{call.__name__}: no argument {unknown[0]!r}; {hint}")
        return call(*args, **kwargs)

    checked.__module__ = "fourfold"
    return checked
