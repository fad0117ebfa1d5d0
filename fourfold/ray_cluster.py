"""Reaching a Ray cluster, for the engines of the generator and the evaluator: connect, and explain what went wrong."""

import os
import socket
from typing import Any

from fourfold.errors import InputError

_STARTS = 3  # of Ray on this machine, which fail where it is busy
_PATIENCE = 10  # seconds for a cluster to accept a connection
_NOBODY = "--address {}: no Ray cluster answers there"


def connect(address: str | None, **here: Any) -> tuple[Any, bool]:
    """Connect to Ray: returns the module `ray`, and whether the caller has to close the connection (`ray.shutdown()`).

    A connection that this process has already is used, and is not ours to close. Otherwise this one goes to the cluster
    at `address` ("auto", "HOST:PORT", "ray://HOST:PORT"), or for None to a Ray that is started on this machine with
    `here` as the settings of `ray.init`. Raises InputError where Ray is not installed, where no cluster answers at the
    address, and if Ray does not start.
    """
    ray = _import_ray()
    if ray.is_initialized():
        return ray, False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports home unless told not to
    if address:
        _knock(address)
        _start(ray, _NOBODY.format(address), address=address)
    else:
        why = f"--engine ray: Ray does not start on this machine, tried {_STARTS} times"
        _start(ray, why, trials=_STARTS, address="local", include_dashboard=False, **here)
    return ray, True


def _knock(address: str) -> None:
    """Refuse an address where nothing listens, for which Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return  # "auto", or for Ray to refuse
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError, ValueError) as error:  # a port beyond 65535; a host or port that is none
        raise InputError(f"{_NOBODY.format(address)} ({error})") from error


def _start(ray: Any, otherwise: str, *, trials: int = 1, **settings: Any) -> None:
    for left in reversed(range(trials)):
        try:
            ray.init(**settings, log_to_driver=False, configure_logging=False)
            return
        except Exception as error:  # a bare one where Ray's parts come too late, as on a busy machine
            ray.shutdown()  # what has started
            if not left:
                raise InputError(f"{otherwise} ({_one_line(error)})") from error


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError("--engine ray: needs Ray; install it with `pip install fourfold[ray]`") from error
    return ray


def lost_task(where: str, error: Exception) -> InputError:
    """The error to raise for a task that Ray gave up: a worker killed again and again, no memory left, a lost machine.

    `where` begins the message: the place or the option that the task belongs to. `error` is what Ray raised.
    """
    reason = f"{type(error).__name__}: {_one_line(error)}"
    return InputError(f"{where}: Ray's workers keep dying ({reason}); give each more memory, or see Ray's logs")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
