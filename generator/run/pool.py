"""Engine `local`: shards made in this process, or in worker processes that end with it, one renderer each."""

import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.generator.run.destinations import make_shard
from fourfold.generator.run.shards import Job, Shard
from fourfold.scenes.render.renderers import open_renderer
from fourfold.scenes.render.rendering import Renderer

_RESTARTS = 3  # of the pool, when the system kills workers
_AHEAD = 2  # shards that wait for each worker: enough that none ever waits for one


def make_shards(job: Job, todo: Sequence[Shard], workers: int) -> Generator[Shard, None, None]:
    """Make the shards in that many processes; gives each shard as it is done.

    With one worker they are made in this process. What a killed worker was at is made again, which is said in a line on
    standard error each time; raises InputError if workers keep being killed.
    """
    if workers > 1:
        yield from _make_with_workers(job, todo, workers)
        return
    with interrupts_kept_back():
        opening = open_renderer(job.recipe.image_size, job.renderer)
    with opening as opened:
        for shard in todo:
            make_shard(job, shard, opened)
            yield shard


def _make_with_workers(job: Job, todo: Sequence[Shard], workers: int) -> Generator[Shard, None, None]:
    left = dict.fromkeys(todo)
    for attempt in range(_RESTARTS + 1):
        try:
            for shard in _run_pool(job, list(left), workers):
                del left[shard]
                yield shard
            return
        except BrokenProcessPool as error:
            died = f"{job.out}: a worker process was killed, most likely for lack of memory"
            if attempt == _RESTARTS:
                message = (
                    f"{died}, and so were others {_RESTARTS} times before; give the same command fewer --workers than "
                    f"{workers}: the shards that are finished stay in {job.out}, and it goes on from there"
                )
                raise InputError(message) from error
            # A line above the bar; a warning would be two, and cut through it.
            tqdm.write(f"{died}; starting again, {attempt + 1} of {_RESTARTS} times, with what is left", sys.stderr)


def _run_pool(job: Job, todo: Sequence[Shard], workers: int) -> Generator[Shard, None, None]:
    # Spawned, never forked: a forked OpenGL context is undefined.
    context = get_context("spawn")
    leash, hand = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, _start_worker, (leash,))
    waiting = iter(todo)
    futures: dict[Future[None], Shard] = {}
    try:
        while True:
            with interrupts_kept_back():
                for shard in islice(waiting, _AHEAD * workers - len(futures)):
                    futures[pool.submit(work, job, shard)] = shard
            if not futures:
                return
            done, _ = wait(futures, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                yield futures.pop(future)
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
    threading.Thread(target=_end_with_parent, args=(leash,), daemon=True).start()


def _end_with_parent(leash: Connection) -> None:
    """End this process at once when the parent lets go of the leash, or is gone: pools outlive a killed parent."""
    try:
        leash.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


_renderers: dict[tuple[int, str], Renderer] = {}  # of this worker process, which stay open as long as it lives


def work(job: Job, shard: Shard) -> None:
    """Make one shard in a worker process of any engine."""
    # One core a worker: llvmpipe's threads would fight over the cores that the other workers fill.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    wanted = (job.recipe.image_size, job.renderer)
    if wanted not in _renderers:  # opened here and not at the start, so that "no OpenGL" reaches the user as it is
        _renderers[wanted] = open_renderer(*wanted)
    make_shard(job, shard, _renderers[wanted])
