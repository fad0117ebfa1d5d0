"""Engine `ray`: shards as Ray tasks, on this machine or a cluster. Every machine must reach the destination."""

import os
from collections.abc import Generator, Sequence
from itertools import islice
from typing import Any

from generator.pool import work
from generator.shards import Job, Shard
from scenes.errors import InputError

_RETRIES = 3  # of a shard whose worker died; an error that it raised is final
_AHEAD = 2  # shards that wait for each core
_STARTS = 3  # trials to start Ray on this machine
_STORE = 200 * 2**20  # bytes of shared memory: recipes pass through it, no pictures


def make_shards(
    job: Job, todo: Sequence[Shard], workers: int, address: str | None = None
) -> Generator[Shard, None, None]:
    """Make the shards as tasks of one core each; gives each as it is done.

    `address` is that of a running cluster, "auto" for the one this machine is in; None starts Ray here, with `workers`
    cores. Raises InputError where Ray is missing or cannot be reached, or if workers keep dying.
    """
    ray = _import_ray()
    ours = not ray.is_initialized()
    if ours:
        _start(ray, workers, address)
    try:
        yield from _run(ray, job, todo)
    finally:
        if ours:
            ray.shutdown()


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
        except ray.exceptions.WorkerCrashedError as error:
            raise InputError(f"{job.out}: Ray workers keep dying (out of memory?); give each more memory") from error
        yield running.pop(done)


def _start(ray: Any, workers: int, address: str | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports home unless told not to
    here = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": _STORE}
    for attempt in range(_STARTS):
        try:
            ray.init(address or "local", log_to_driver=False, configure_logging=False, **({} if address else here))
            return
        except Exception as error:  # Ray raises a bare one where its parts come too late, as on a busy machine
            ray.shutdown()
            if address or attempt == _STARTS - 1:
                where = f"--address {address}: no Ray cluster answers there" if address else "Ray does not start here"
                raise InputError(f"{where} ({error})") from error


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError("--engine ray: needs Ray; install it with `pip install fourfold[ray]`") from error
    return ray
