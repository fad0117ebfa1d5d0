"""Does the diagnosis name the right stage? A hundred planted models that lose one thing at a known stage, some nothing.

python benchmarks/diagnosis.py                # 100 models that lose, 20 that keep; exits 1 below 95 right
python benchmarks/diagnosis.py --models 8     # a few
"""

import argparse
import sys
import time

import numpy as np

from fourfold.evaluator.diagnosis.diagnose import probe_stages, summarise
from fourfold.evaluator.diagnosis.planted_models import CATEGORIES, TRANSITIONS, plant
from fourfold.evaluator.diagnosis.results import KEPT, Diagnosis

LEAST_RIGHT = 0.95


def name_stage(category: str, deleted: tuple[str, str, str] | None, seed: int, groups: int = 150) -> tuple[str, str]:
    """What the diagnosis of a planted model says, and what is true."""
    planted = plant(category, deleted, np.random.default_rng(seed), groups)
    rows, losses = summarise(probe_stages(planted.stages, planted.question, seed=seed, control=False), None, seed=seed)
    found = Diagnosis("planted", "", "", seed, tuple(rows), tuple(losses))
    truth = KEPT if deleted is None else f"{deleted[0]}: {deleted[1]} > {deleted[2]}"
    return found.lost_at(category), truth


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=100, help="planted models that lose something")
    parser.add_argument("--kept", type=int, default=20, help="planted models that lose nothing")
    parser.add_argument("--groups", type=int, default=150, help="groups of each")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cells = [(category, deleted) for deleted in TRANSITIONS for category in CATEGORIES]
    order = np.random.default_rng(options.seed).permutation(len(cells))
    losing = [cells[order[i % len(cells)]] for i in range(options.models)]
    keeping = [(CATEGORIES[i % len(CATEGORIES)], None) for i in range(options.kept)]
    right = {True: 0, False: 0}
    started = time.process_time()
    for number, (category, deleted) in enumerate([*losing, *keeping]):
        said, truth = name_stage(category, deleted, options.seed + number, options.groups)
        right[deleted is not None] += said == truth
        if said != truth:
            print(f"{category}, {truth}: named {said}", flush=True)
    print(f"the right stage is named in {right[True]} of {options.models} models that lose something at one stage")
    print(f"nothing is named in {right[False]} of {options.kept} models that lose nothing")
    print(f"{time.process_time() - started:.0f} s of processor time")
    return 0 if right[True] >= LEAST_RIGHT * options.models and right[False] >= LEAST_RIGHT * options.kept else 1


if __name__ == "__main__":
    sys.exit(main())
