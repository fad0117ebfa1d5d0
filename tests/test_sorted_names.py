"""Names come back sorted with all their numbers, whatever is in them and however many runs they were kept in."""

import random
import tracemalloc
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.generator.verification import sorted_names
from fourfold.generator.verification.sorted_names import SortedNames

ANY_TEXT = st.text(st.characters(), max_size=4)  # lone surrogates too, which file names and JSON may hold


def collected(given: list[tuple[str, int]]) -> dict[str, list[int]]:
    found = defaultdict(list)
    for name, number in given:
        found[name].append(number)
    return {name: sorted(numbers) for name, numbers in found.items()}


@pytest.mark.parametrize("block", [1, 60, 16_384])
@pytest.mark.parametrize("run", [1, 7, 1000])
def test_every_name_comes_once_with_all_its_numbers(run, block, monkeypatch):
    monkeypatch.setattr(sorted_names, "_RUN", run)
    monkeypatch.setattr(sorted_names, "_BLOCK", block)
    rng = random.Random(run)
    given = [(rng.choice(["a", "b/", "b/ 1", 'b"', "c\n", "", "long" * 30]), rng.randrange(30)) for _ in range(200)]
    with SortedNames() as names:
        for pair in given[:120]:
            names.add(*pair)
        assert dict(names) == collected(given[:120])
        for pair in given[120:]:
            names.add(*pair)
        assert dict(names) == collected(given)
        assert len(list(names)) == len(collected(given))


@given(st.lists(st.tuples(ANY_TEXT, st.integers(0, 10**12))))
def test_any_text_is_a_name(given):
    with pytest.MonkeyPatch.context() as patch, SortedNames() as names:
        patch.setattr(sorted_names, "_RUN", 3)
        for pair in given:
            names.add(*pair)
        assert dict(names) == collected(given)


def test_memory_does_not_grow_with_the_number_of_names(monkeypatch):
    monkeypatch.setattr(sorted_names, "_RUN", 1000)
    monkeypatch.setattr(sorted_names, "_BLOCK", 256)

    def peak(number: int) -> int:
        tracemalloc.start()
        with SortedNames() as names:
            for i in range(number):
                names.add(f"test/images/test-binding-{i:06d}-a.png", i)
            assert sum(1 for _ in names) == number
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(20_000) < 1.5 * peak(2_000)
