"""What is said when a training does not fit into memory: one line, with what is kept and what to make smaller."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fourfold.errors import InputError

# What torch says where it raises a plain RuntimeError: of a processor's memory, and of libraries on a GPU.
_SAID = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


@contextmanager
def memory_explained(where: Path, device: str, checkpoint: Path, smaller: str) -> Iterator[None]:
    """Run a training; if it runs out of memory raise InputError in its place.

    It names `where` the training writes to, its `checkpoint` if there is one, and what would have to be `smaller`. Any
    other exception passes.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        said = " ".join(str(error).split())
        if not isinstance(error, MemoryError) and not any(each in said for each in _SAID):
            raise
        advice = f"free memory, or train with {smaller}"
        if checkpoint.is_file():
            advice = (
                f"nothing is lost up to {checkpoint}: free memory and the same command goes on from there, or train "
                f"anew, to another --out, with {smaller}"
            )
        reason = said[:100].rpartition(". ")[0] or said[:100]
        raise InputError(f"{where}: out of memory on {device}{f' ({reason})' * bool(reason)}; {advice}") from error
