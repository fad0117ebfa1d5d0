"""How a check reports: problems as lines of text, and what could not be read as one more of them."""

from collections.abc import Callable, Iterator
from typing import Any

from fourfold.errors import InputError

# What reading a damaged row or manifest can raise; none of it may hide the problems of the rows after it.
DAMAGE = (InputError, KeyError, TypeError, AttributeError, ValueError, IndexError, ArithmeticError)


def problems_found(check: Callable[..., Iterator[str]], *given: Any) -> list[str]:
    """The problems that `check(*given)` yields, each a line of text.

    Where the check stops at something that cannot be read, what it found before is kept and the damage is a line more.
    """
    problems = []
    try:
        for text in check(*given):
            problems.append(text)
    except DAMAGE as error:
        damage = str(error) if isinstance(error, InputError) else f"{error.__class__.__name__}: {error}"
        problems.append(f"cannot be read ({' '.join(damage.split())})")
    return problems
