"""Which version of this software runs, as datasets and results record it."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fourfold.errors import InputError


def software_version() -> str:
    """The version of the installed package, such as "1.2.0".

    Raises InputError where the modules come from a source tree that was never installed: its version is then unknown,
    and must not be guessed, for manifests and results say what made them.
    """
    try:
        return version("fourfold")
    except PackageNotFoundError as error:
        root = Path(__file__).resolve().parents[1]
        raise InputError(
            f"fourfold is not installed in this Python, so its version is not known: run `pip install -e .` in {root}"
        ) from error
