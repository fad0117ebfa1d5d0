"""Models x items on a Ray cluster: every shard of items is encoded where there is room, every model measured once.

What a worker opens (pictures, weights, heads, a feature cache) must lie under the same path on every machine. The
features of all shards meet again before anything is scored, so scorers that look at the whole set see the whole set,
and the results are those of one machine. An item is never cut: a retrieval set is one shard.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from evaluator.cache import EncodedSet, encode_items, join_encoded
from evaluator.encoders import Encoder, load_encoder
from evaluator.runs import Asked, Outcome, Run, measure, try_scorers
from scenes.errors import InputError

ITEMS_A_SHARD = 256


def run_on_ray(
    asked: Asked, runs: Sequence[Run], address: str | None, progress: bool
) -> Iterator[tuple[Run, Outcome | Exception]]:
    """Ask every model; answers come as they are ready. `address` None: the cluster in use, or one on this machine.

    A worker that dies is replaced and its shard encoded again. Raises InputError without Ray or without its cluster.
    """
    ray, is_ours = _connect(address)
    try:
        gpus = 1 if asked.device.startswith("cuda") else 0
        encode = ray.remote(num_gpus=gpus)(_encode_shard)
        finish = ray.remote(num_gpus=gpus)(_finish)
        question, here = ray.put(asked), os.getcwd()
        starts = range(0, len(asked.items), ITEMS_A_SHARD)
        shards = [asked.items[start : start + ITEMS_A_SHARD] for start in starts]
        waiting = {}
        for run in runs:
            parts = [encode.remote(replace(asked, items=shard), run, here, i == 0) for i, shard in enumerate(shards)]
            waiting[finish.remote(question, run, here, *parts)] = run
        while waiting:
            [done], _ = ray.wait(list(waiting))
            yield waiting.pop(done), _answer(ray, done)
    finally:
        if is_ours:
            ray.shutdown()


def _connect(address: str | None) -> tuple[Any, bool]:
    """Ray, and whether its connection is ours to close."""
    try:
        import ray
    except ImportError:
        raise InputError("--engine ray needs Ray: pip install 'fourfold[ray]'") from None
    if ray.is_initialized():
        return ray, False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports home unless told not to
    local: dict[str, Any] = {} if address else {"include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, configure_logging=False, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"--address {address}: no Ray cluster answers there ({error})") from None
    return ray, True


def _answer(ray: Any, done: Any) -> Outcome | Exception:
    try:
        outcome: Outcome = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        cause: Any = error
        while isinstance(cause, ray.exceptions.RayTaskError):  # a failed shard fails the model's last task
            cause = cause.cause
        return cause if isinstance(cause, InputError) else error
    except ray.exceptions.RayError as error:  # a worker killed again and again, a lost machine
        return error
    return outcome


def _encode_shard(asked: Asked, run: Run, here: str, try_out: bool) -> EncodedSet:
    os.chdir(here)  # a user's paths and modules are relative to it
    encoder = _encoder_of(run.model, asked.device, asked.dtype, asked.batch_size, asked.allow_random_weights)
    if try_out:
        try_scorers(asked, run, encoder)
    return encode_items(encoder, asked.items, asked.cache_dir)


def _finish(asked: Asked, run: Run, here: str, *parts: EncodedSet) -> Outcome:
    os.chdir(here)
    encoder = _encoder_of(run.model, asked.device, asked.dtype, asked.batch_size, asked.allow_random_weights)
    return measure(asked, run, encoder, join_encoded(parts), progress=False)


@lru_cache(maxsize=1)  # a worker keeps its model from shard to shard
def _encoder_of(
    model: str, device: str, dtype: str, batch_size: int | Literal["auto"], allow_random_weights: bool
) -> Encoder:
    return load_encoder(
        model, device=device, dtype=dtype, batch_size=batch_size, allow_random_weights=allow_random_weights
    )
