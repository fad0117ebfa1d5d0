"""Engine `ray`: shards as Ray tasks, on this machine or a cluster. Every machine must reach the destination."""

from collections.abc import Generator, Sequence
from itertools import islice
from typing import Any

from fourfold.generator.run.pool import work
from fourfold.generator.run.shards import Job, Shard
from fourfold.ray_cluster import connect, lost_task

_RETRIES = 3  # of a shard whose worker died; an error that it raised is final
_AHEAD = 2  # shards that wait for each core
_STORE = 200 * 2**20  # bytes of shared memory: recipes pass through it, no pictures


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
