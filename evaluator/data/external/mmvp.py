"""MMVP-VLM: pairs of images that CLIP confuses, nine visual patterns of fifteen pairs each."""

from collections.abc import Iterator, Sequence

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.authors import mean, means_by
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get_text
from fourfold.evaluator.data.external.images import locate
from fourfold.evaluator.data.external.pairs import pair_item
from fourfold.evaluator.data.external.reading import files_named, read_csv
from fourfold.evaluator.data.items import Item

_COLUMNS = 3  # number, pattern, statement; the authors read them by place


def load(source: Source) -> Iterator[Item]:
    """Items of `Questions.csv`: two rows a pair. Images are `MLLM_VLM Images/<pattern>/<number>.jpg`."""
    for path in files_named(source.path, ["Questions.csv"]):
        rows = [list(row.values()) for row in read_csv(path, [])]
        if any(len(row) != _COLUMNS for row in rows) or len(rows) % 2:
            given = f"{len(rows)} rows of {len(rows[0])} columns"
            raise InputError(f"{path}: {given}; MMVP-VLM has an even number of rows: number, pattern, statement")
        for number in range(0, len(rows), 2):
            where = f"{path}: rows {number} and {number + 1}"
            one, other = rows[number], rows[number + 1]
            if not (one[0] + other[0]).isdigit() or int(one[0]) % 2 == 0 or int(other[0]) % 2 == 1:
                raise InputError(
                    f"{where}: numbers {one[0]!r}, {other[0]!r}; a pair is an odd number, then an even one"
                )
            names = [f"{one[1]}/{row[0]}.jpg" for row in (one, other)]
            images = [locate(source, f"MLLM_VLM Images/{name}", name, where=where) for name in names]
            captions = get_text(one, 2, where), get_text(other, 2, where)
            yield pair_item(f"mmvp-{number // 2}", (images[0], images[1]), captions, one[1])


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Both statements pick their image, by pattern, and the average; a tie counts as a pick of the second image.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    stack = np.stack(list(scores))  # [n, 2, 2]
    right = (stack[:, 0, 0] > stack[:, 1, 0]) & (stack[:, 1, 1] >= stack[:, 0, 1])
    by_pattern = means_by(right, [item.category for item in items])
    return {**by_pattern, "macro": mean(by_pattern.values())}
