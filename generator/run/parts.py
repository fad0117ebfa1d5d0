"""Parts of a run: shares of the shards for machines that know nothing of each other, such as a SLURM job array."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fourfold.errors import InputError
from fourfold.generator.run.shards import Shard


@dataclass(frozen=True)
class Part:
    """Part `index` (from 0 on) of the `count` parts of a run."""

    index: int = 0
    count: int = 1

    def of(self, shards: Sequence[Shard]) -> list[Shard]:
        """The shards of this part: every count-th of them, so that each part has its share of every category."""
        return list(shards[self.index :: self.count])


def choose_part(index: int | None, count: int | None) -> Part:
    """The part that was asked for; the whole run if none was.

    Raises InputError for an index that is not in 0..count - 1, or if only one of the two numbers is given.
    """
    if count == 1 and index is None:
        index = 0
    if index is None and count is None:
        return Part()
    if index is None or count is None:
        raise InputError("--shard-index and --num-shards: give both; in a SLURM job array both may be left out")
    if not 0 <= index < count:
        raise InputError(f"--shard-index {index}: must be from 0 to {count - 1}, for --num-shards is {count}")
    return Part(index, count)


def slurm_part(environment: Mapping[str, str]) -> Part | None:
    """The part of this task of a SLURM array, which the command `generate` makes by default; None outside of one.

    Calls from Python never look: whoever asks for a dataset inside a job array, to train on it, wants all of it.
    Arrays begin at any number and may go in steps: --array=10-18:2 has the parts 0 to 4. Raises InputError for
    variables that are no such numbers.
    """
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return None
    keys = {"ID": None, "COUNT": None, "MIN": "0", "STEP": "1"}
    given = {key: environment.get(f"SLURM_ARRAY_TASK_{key}", default) for key, default in keys.items()}
    try:
        number, count, first, step = (int(value or "") for value in given.values())
    except ValueError as error:
        raise InputError(
            f"SLURM_ARRAY_TASK_ variables: not whole numbers ({given}); give --shard-index and --num-shards"
        ) from error
    return choose_part((number - first) // max(1, step), count)
