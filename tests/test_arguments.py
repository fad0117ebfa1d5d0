"""A wrong keyword of any public call names the right one; signatures, help and pickles are those of the calls."""

import inspect
import pickle
from types import FunctionType
from typing import get_type_hints

import pytest

import fourfold
from fourfold.arguments import ArgumentError, with_named_arguments
from fourfold.calls import evaluation
from fourfold.errors import InputError

CALLS = [name for name in fourfold.__all__ if isinstance(getattr(fourfold, name), FunctionType)]


@pytest.mark.parametrize("name", CALLS)
def test_every_public_call_names_the_argument_that_was_meant(name: str) -> None:
    call = getattr(fourfold, name)
    *_, last = inspect.signature(call).parameters or [""]
    with pytest.raises(ArgumentError, match=rf"^{name}: no argument 'x{last}x'; (did you mean '{last}'\?|it has )"):
        call(**{f"x{last}x": 1})


def test_the_usual_slip_is_answered_before_anything_else_is_looked_at() -> None:
    with pytest.raises(InputError, match=r"^evaluate: no argument 'scorer'; did you mean 'scorers'\?$"):
        fourfold.evaluate("x", scorer="cosine")
    with pytest.raises(TypeError, match=r"^evaluate: no argument 'qqqq'; it has dataset, model, scorers, out, "):
        fourfold.evaluate(qqqq=1)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'dataset'"):
        fourfold.evaluate()


def test_signature_help_and_pickle_are_those_of_the_call() -> None:
    assert inspect.signature(fourfold.evaluate) == inspect.signature(evaluation.evaluate)
    assert fourfold.evaluate.__doc__ == evaluation.evaluate.__doc__
    assert "model" in get_type_hints(fourfold.evaluate)
    assert fourfold.evaluate is fourfold.evaluate
    for name in CALLS:
        assert pickle.loads(pickle.dumps(getattr(fourfold, name))) is getattr(fourfold, name)


def test_a_call_that_takes_any_keyword_is_left_alone() -> None:
    def anything(**given: int) -> dict[str, int]:
        return given

    assert with_named_arguments(anything)(a=1) == {"a": 1}
