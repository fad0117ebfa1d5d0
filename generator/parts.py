"""Parts of a run: shares of the shards for machines that know nothing of each other, such as a SLURM job array."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generator.shards import Shard
from scenes.errors import InputError


@dataclass(frozen=True)
class Part:
    """Part `index` (from 0 on) of `count`."""

    index: int = 0
    count: int = 1

    def of(self, shards: Sequence[Shard]) -> list[Shard]:
        """The shards of this part: every count-th, so that each part has its share of every category."""
        return list(shards[self.index :: self.count])


def choose_part(index: int | None, count: int | None, environment: Mapping[str, str] = os.environ) -> Part:
    """The part that was asked for, else that of this task of a SLURM array, else the whole.

    Raises InputError for a part that is none, or if only one of the two numbers is known.
    """
    if index is None and count is None and "SLURM_ARRAY_TASK_ID" in environment:
        index, count = _slurm_part(environment)
    if count == 1 and index is None:
        index = 0
    if index is None and count is None:
        return Part()
    if index is None or count is None:
        raise InputError("--shard-index and --num-shards: give both, or run in a SLURM job array")
    if not 0 <= index < count:
        raise InputError(f"--shard-index {index}: must be from 0 to {count - 1}, for --num-shards is {count}")
    return Part(index, count)


def _slurm_part(environment: Mapping[str, str]) -> tuple[int, int]:
    """Arrays begin at any number and may go in steps: --array=10-18:2 has the parts 0 to 4."""
    keys = {"ID": None, "COUNT": None, "MIN": "0", "STEP": "1"}
    given = {key: environment.get(f"SLURM_ARRAY_TASK_{key}", default) for key, default in keys.items()}
    try:
        number, count, first, step = (int(value or "") for value in given.values())
    except ValueError as error:
        raise InputError(f"SLURM_ARRAY_TASK_ variables: not whole numbers ({given}); give --shard-index") from error
    return (number - first) // max(1, step), count
