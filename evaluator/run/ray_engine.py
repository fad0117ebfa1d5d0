"""Models x items on a Ray cluster: every shard of items is encoded where there is room, every model measured once.

What a worker opens (pictures, weights, heads, a feature cache) must lie under the same path on every machine. The
features of all shards meet again before anything is scored, so scorers that look at the whole set see the whole set,
and the results are those of one machine. An item is never cut: a retrieval set is one shard.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import islice
from platform import node
from typing import Any, NamedTuple
from uuid import uuid4

from fourfold.errors import InputError
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, Encoder, LoadOptions
from fourfold.evaluator.features.encoding import EncodedSet, encode_items, join_encoded
from fourfold.evaluator.run.one_model import EvaluationSpec, ModelRun, Outcome, measure, try_scorers
from fourfold.ray_cluster import connect, lost_task

ITEMS_A_SHARD = 256
_AHEAD = 2  # shards that wait for each core
_FEWEST = 2  # models under way, so that the last task of one leaves no machine idle; more would fill Ray's memory


class _Here(NamedTuple):
    """Where a call was made, and which one: workers outlive calls, and a model's files may change between two."""

    folder: str
    call: str


def run_on_ray(
    spec: EvaluationSpec, runs: Sequence[ModelRun], address: str | None, progress: bool
) -> Iterator[tuple[ModelRun, Outcome | Exception]]:
    """Ask every model; answers come as they are ready. `address` None: the cluster in use, or one on this machine.

    A worker that dies is replaced and its shard encoded again. Raises InputError without Ray or without its cluster,
    and for a GPU that no worker can have.
    """
    device = spec.options.load.device
    kind, _, number = device.partition(":")
    if kind == "cuda" and number not in ("", "0"):
        raise InputError(f"--device {device}: Ray gives each worker a GPU, its only one; give --device cuda")
    ray, is_ours = connect(address)
    try:
        if device == AUTO_DEVICE:  # where this is called there need not be what the workers have
            kind = "cuda" if ray.cluster_resources().get("GPU") else "cpu"
            spec = replace(spec, options=replace(spec.options, load=replace(spec.options.load, device=kind)))
        gpus = int(kind == "cuda")
        if gpus and is_ours and not address and not ray.cluster_resources().get("GPU"):  # a cluster may grow one
            raise InputError(f"--device {device}: Ray finds no GPU on this machine; give --device cpu")
        yield from _run(ray, spec, runs, gpus)
    finally:
        if is_ours:
            ray.shutdown()


def _run(
    ray: Any, spec: EvaluationSpec, runs: Sequence[ModelRun], gpus: int
) -> Iterator[tuple[ModelRun, Outcome | Exception]]:
    encode, finish = ray.remote(num_gpus=gpus)(_encode_shard), ray.remote(num_gpus=gpus)(_finish)
    question, here = ray.put(spec), _Here(os.getcwd(), uuid4().hex)
    starts = range(0, max(1, len(spec.items)), ITEMS_A_SHARD)  # no items are one empty shard, which says so
    shards = [replace(spec, items=spec.items[start : start + ITEMS_A_SHARD]) for start in starts]

    def submit(run: ModelRun) -> Any:
        # Encoding needs of earlier results what they are of, not every score again for each shard.
        lean = run if run.earlier is None else replace(run, earlier=replace(run.earlier, items=()))
        parts = [encode.remote(shard, lean, here, i == 0) for i, shard in enumerate(shards)]
        return finish.remote(question, run, here, *parts)

    left, waiting = iter(runs), dict[Any, ModelRun]()
    while True:
        room = _AHEAD * int(ray.cluster_resources().get("CPU", 1)) // len(shards)  # a cluster may grow, or shrink
        waiting |= {submit(run): run for run in islice(left, max(0, max(_FEWEST, room) - len(waiting)))}
        if not waiting:
            return
        [done], _ = ray.wait(list(waiting))
        yield waiting.pop(done), _answer(ray, done)


def _answer(ray: Any, done: Any) -> Outcome | Exception:
    try:
        outcome: Outcome = ray.get(done)
    except ray.exceptions.RayError as error:
        cause: Any = error
        while isinstance(cause, ray.exceptions.RayTaskError):  # a failed shard fails the model's last task
            cause = cause.cause
        if isinstance(cause, ray.exceptions.RayError):
            return lost_task("--engine ray", cause)
        return cause if isinstance(cause, InputError) else error
    return outcome


def _encode_shard(spec: EvaluationSpec, run: ModelRun, here: _Here, try_out: bool) -> EncodedSet:
    encoder = _encoder_of(_enter(here), run.model, spec.options.load)
    if try_out:
        try_scorers(spec, run, encoder)
    return encode_items(encoder, spec.items, spec.options.cache_dir)


def _finish(spec: EvaluationSpec, run: ModelRun, here: _Here, *parts: EncodedSet) -> Outcome:
    encoder = _encoder_of(_enter(here), run.model, spec.options.load)
    return measure(spec, run, encoder, join_encoded(parts), progress=False)


def _enter(here: _Here) -> str:
    """Go where the call was made, for a user's paths and modules are relative to it; gives the call."""
    try:
        os.chdir(here.folder)
    except OSError as error:
        raise InputError(
            f"{here.folder}: cannot be entered on {node()} ({error.strerror}); what Ray's workers open must lie under "
            "the same path on every machine"
        ) from error
    return here.call


@lru_cache(maxsize=1)  # a worker keeps its model from shard to shard
def _encoder_of(call: str, model: str, options: LoadOptions) -> Encoder:
    return load_encoder(model, **asdict(options))
