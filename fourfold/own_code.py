"""Code of the user's own, named as `module:function` on the command line."""

import importlib
import os
import sys
import traceback
from typing import Any

from fourfold.errors import InputError


def import_own(spec: str) -> Any:
    """What `module:name` names, of any kind; the module is found as Python finds it, the working directory last.

    Raises InputError for a module that cannot be imported, and for a name that it does not have.
    """
    module_name, _, name = spec.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # an installed command does not have it, and last it shadows nothing
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"{spec}: cannot import module {module_name!r} ({error}); looked in {os.getcwd()} too"
        ) from error
    except Exception as error:  # the user's own code may raise anything
        raise InputError(f"{spec}: importing {module_name} failed with {describe_failure(error)}") from error
    if not hasattr(module, name):
        raise InputError(f"{spec}: {module_name} has no function {name!r}")
    return getattr(module, name)


def describe_failure(error: Exception) -> str:
    """What the user's own code raised, and the line where it did, for a message of one line."""
    where = "".join(traceback.format_tb(error.__traceback__)[-1:]).split("\n")[0].strip()
    return f"{type(error).__name__}: {' '.join(str(error).split())} ({where})"
