"""The engines that make shards: the same bytes from each, for a shard depends on nothing but its recipe and range."""

from collections.abc import Callable, Generator, Sequence

from fourfold.errors import InputError, unknown_name
from fourfold.generator.run import pool, ray_engine
from fourfold.generator.run.shards import Job, Shard

# (job, shards, workers, address) -> each shard as it is done
ENGINES: dict[str, Callable[[Job, Sequence[Shard], int, str | None], Generator[Shard, None, None]]] = {
    "local": lambda job, todo, workers, address: pool.make_shards(job, todo, workers),
    "ray": ray_engine.make_shards,
}


def check_engine(name: str, address: str | None = None) -> None:
    """Raise InputError for an unknown engine, and for an address where the engine takes none."""
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES, "--engine")
    if address is not None and name != "ray":
        raise InputError(f"--address {address}: that is of a Ray cluster, and --engine is {name!r}; add --engine ray")
