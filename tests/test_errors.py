"""What a user's mistake is answered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.errors import InputError, unknown_name

CHOICES = ("red", "green", "blue")


def test_a_mistake_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize(
    ("given_name", "hint"),
    [
        ("gren", " Did you mean 'green'?"),
        ("BLUE", " Did you mean 'blue'?"),
        ("xyzzy", ""),
        ("", ""),
    ],
)
def test_an_unknown_name_is_answered_with_the_choices_and_the_nearest(given_name: str, hint: str) -> None:
    error = unknown_name("color", given_name, CHOICES)
    assert isinstance(error, InputError)
    assert str(error) == f"unknown color {given_name!r}.{hint} Allowed: blue, green, red"


def test_the_nearest_name_is_written_as_the_table_writes_it() -> None:
    assert "Did you mean 'ViT-B-32'?" in str(unknown_name("model", "vit-b32", ["RN50", "ViT-B-32"]))


def test_where_comes_first() -> None:
    message = str(unknown_name("key", "sed", ["seed"], "recipe.toml: scene"))
    assert message == "recipe.toml: scene: unknown key 'sed'. Did you mean 'seed'? Allowed: seed"


@given(st.text(max_size=30), st.lists(st.text("abcXYZ-_", min_size=1, max_size=8), unique=True, max_size=6))
def test_any_name_gives_one_line_that_lists_every_choice(given_name: str, choices: list[str]) -> None:
    message = str(unknown_name("thing", given_name, iter(choices)))
    assert len(message.splitlines()) == 1
    assert repr(given_name) in message
    assert message.endswith("Allowed: " + ", ".join(sorted(choices)))
