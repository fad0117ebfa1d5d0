"""Engine `ray`: shards as Ray tasks, on this machine or a cluster. Every machine must reach the destination."""

import os
import socket
from collections.abc import Generator, Sequence
from itertools import islice
from typing import Any

from fourfold.errors import InputError
from fourfold.generator.run.pool import work
from fourfold.generator.run.shards import Job, Shard

_RETRIES = 3  # of a shard whose worker died; an error that it raised is final
_AHEAD = 2  # shards that wait for each core
_STARTS = 3  # of Ray on this machine, which fail where it is busy
_PATIENCE = 10  # seconds for a cluster to accept a connection
_STORE = 200 * 2**20  # bytes of shared memory: recipes pass through it, no pictures
_NOBODY = "--address {}: no Ray cluster answers there"


def make_shards(
    job: Job, todo: Sequence[Shard], workers: int, address: str | None = None
) -> Generator[Shard, None, None]:
    """Make the shards as tasks of one core each; gives each as it is done.

    `address` is that of a running cluster, "auto" for the one this machine is in; None starts Ray here, with `workers`
    cores. Raises InputError where Ray is missing or cannot be reached, or if workers keep dying.
    """
    ray, is_ours = connect(address, num_cpus=workers, object_store_memory=_STORE)
    try:
        yield from _run(ray, job, todo)
    finally:
        if is_ours:
            ray.shutdown()


def connect(address: str | None, **here: Any) -> tuple[Any, bool]:
    """Ray, and whether its connection is ours to close: the one in use, else that to `address`, else one started here.

    `here` is how `ray.init` starts Ray on this machine. Raises InputError without Ray, without a cluster at the
    address, or if Ray does not start.
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


def _run(ray: Any, job: Job, todo: Sequence[Shard]) -> Generator[Shard, None, None]:
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(work)
    shared = ray.put(job)
    waiting = iter(todo)
    running: dict[Any, Shard] = {}
    while True:
        most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))  # a cluster may have grown
        for shard in islice(waiting, max(0, most - len(running))):
            running[task.remote(shared, shard)] = shard
        if not running:
            return
        [done], _ = ray.wait(list(running), num_returns=1)
        try:
            ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise lost_task(job.out, error) from error
        yield running.pop(done)


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError("--engine ray: needs Ray; install it with `pip install fourfold[ray]`") from error
    return ray


def lost_task(where: str, error: Exception) -> InputError:
    """The error for a task that Ray gave up: a worker killed again and again, no memory left, a lost machine."""
    reason = f"{type(error).__name__}: {_one_line(error)}"
    return InputError(f"{where}: Ray's workers keep dying ({reason}); give each more memory, or see Ray's logs")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
