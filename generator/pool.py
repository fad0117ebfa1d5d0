"""Worker processes that make shards, one renderer each; they end with the process that started them."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from generator.config import Recipe
from generator.shards import Shard, write_shard
from scenes.errors import InputError
from scenes.renderers import open_renderer
from scenes.rendering import Renderer

_RESTARTS = 3  # of the pool, when the system kills workers


def make_shards(folder: Path, recipe: Recipe, todo: list[Shard], workers: int, renderer: str) -> Iterator[Shard]:
    """Make the shards in that many processes; gives each as it is done.

    `renderer` is a key of RENDERERS. What a killed worker was at is made again. Raises InputError if workers keep
    being killed.
    """
    left = dict.fromkeys(todo)
    for attempt in range(_RESTARTS + 1):
        try:
            for shard in _make_shards(folder, recipe, list(left), workers, renderer):
                del left[shard]
                yield shard
            return
        except BrokenProcessPool as error:
            if attempt == _RESTARTS:
                message = (
                    f"{folder}: worker processes keep being killed (out of memory?); run again with fewer --workers"
                )
                raise InputError(message) from error


def _make_shards(folder: Path, recipe: Recipe, todo: list[Shard], workers: int, renderer: str) -> Iterator[Shard]:
    # Spawned, never forked: a forked OpenGL context is undefined.
    context = get_context("spawn")
    leash, hand = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, _start_worker, (leash,))
    try:
        with interrupts_kept_back():
            futures = {pool.submit(_work, folder, recipe, shard, renderer): shard for shard in todo}
        for future in as_completed(futures):
            future.result()
            yield futures[future]
    except BaseException:
        hand.close()  # nobody waits for what the workers are at: a shard not recorded is made again
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        hand.close()
        leash.close()


@contextmanager
def interrupts_kept_back() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block.

    Workers started meanwhile never see one, so that this process alone decides and speaks; and libraries that catch
    whatever goes wrong in their imports do not take it for a missing package.
    """
    came: list[int] = []
    here = threading.current_thread() is threading.main_thread()  # the one that handlers run in
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number)) if here else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which workers inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if here:
            signal.signal(signal.SIGINT, handler)
        for number in came[:1]:
            signal.raise_signal(number)


def _start_worker(leash: Connection) -> None:
    # One core a worker: llvmpipe's threads would fight over the cores that the other workers fill.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    threading.Thread(target=_end_with_parent, args=(leash,), daemon=True).start()


def _end_with_parent(leash: Connection) -> None:
    """End this process at once when the parent lets go of the leash, or is gone: pools outlive a killed parent."""
    try:
        leash.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


_renderer: Renderer | None = None  # of this worker process


def _work(folder: Path, recipe: Recipe, shard: Shard, renderer: str) -> None:
    global _renderer
    if _renderer is None:  # opened here and not at the start, so that "no OpenGL" reaches the user as it is
        _renderer = open_renderer(recipe.image_size, renderer)
    write_shard(folder, recipe, shard, _renderer)
