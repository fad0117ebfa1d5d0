"""`Item`: the one thing every benchmark becomes, ours or another's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fourfold.evaluator.data.image_refs import ImageRef

RETRIEVAL = "retrieval"  # category of sets in which every caption is asked of every picture
RETRIEVAL_CANDIDATES = 10  # recall@k is asked of tables with more candidates than this


@dataclass(frozen=True)
class Item:
    """k images, m captions and which caption is true of which image.

    A fourfold group has its two images (A, B) and its two captions (a, b) first, truth [[1, 0], [0, 1]]; captions
    after those two are hard positives or extra foils, as their truth column says. A multiple-choice question has
    one image and m captions; an image choice k images and one caption; retrieval is one item per query or per set.
    """

    id: str
    images: tuple[ImageRef, ...]
    captions: tuple[str, ...]
    truth: np.ndarray  # [k, m] bool
    category: str
    cluster: str  # what is resampled together in a bootstrap: the group, or the source image
    tags: Mapping[str, str | int | float | bool] = field(default_factory=dict)  # edit, difficulty axes, ...
    implied: tuple[int, ...] = ()  # captions that are hard positives, but known to be no paraphrases

    def _repr_html_(self) -> str:
        from fourfold.evaluator.data.images import open_image  # Pillow, for notebooks alone
        from fourfold.notebook import MOST_PICTURES, grid_html, truth_sign

        seen = [open_image(ref) for ref in self.images[:MOST_PICTURES]]
        unseen = [ref.path.name for ref in self.images[MOST_PICTURES:]]
        cells = [[truth_sign(truth) for truth in row] for row in self.truth.tolist()]
        return grid_html(f"{self.id}: {self.category}", [*seen, *unseen], self.captions, cells)
