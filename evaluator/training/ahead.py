"""Batches made by threads while the model learns from those before them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Batch = TypeVar("Batch")


def made_ahead(make: Callable[[int], Batch], steps: Iterable[int], workers: int) -> Iterator[Batch]:
    """What `make` makes of each step, in the order of the steps, so many threads being ahead of the one that is used.

    `make` has to depend on the step alone: then what comes out does not depend on the number of `workers`, from 1 on.
    What `make` raises is raised where its batch was due. The threads share what torch may use of the processors: each
    having as many as it likes, they would be in each other's way.
    """
    available = torch.get_num_threads()
    each = max(1, available // workers)
    with ThreadPoolExecutor(max_workers=workers, initializer=torch.set_num_threads, initargs=(each,)) as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for step in steps:
                waiting.append(pool.submit(make, step))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # of a run that was interrupted: nobody waits for what is not begun
            for left in waiting:
                left.cancel()
            torch.set_num_threads(available)  # threads that begin later would take over theirs
