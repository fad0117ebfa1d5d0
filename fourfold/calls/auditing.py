"""`audit`: blind solvers over our own datasets and over benchmarks by others, as one text and one verdict."""

from pathlib import Path

import numpy as np

from fourfold.calls.blind_items import blind_items
from fourfold.evaluator.data.dataset_copies import copy_rows
from fourfold.evaluator.data.external import load_benchmark
from fourfold.evaluator.data.external.loading import is_benchmark
from fourfold.evaluator.data.external.plain_table import check_no_file
from fourfold.files import is_url
from fourfold.generator.audits import blind_audit as audits
from fourfold.generator.audits.dataset_audit import audit_dataset, dataset_audit_as_table


def audit(dataset: str | Path, rng: np.random.Generator) -> tuple[str, bool]:
    """The audit of a dataset, in a folder or at a URL, or of a benchmark's "name:PATH": tables, and the verdict.

    The verdict is True where no blind solver finds more answers than chance allows, and, in a dataset of ours,
    attributes, positions and identities are independent. `rng` draws folds, resamples and permutations. Raises
    InputError for what is neither a dataset nor a benchmark.
    """
    if is_benchmark(str(dataset)):
        found = load_benchmark(str(dataset), images=None, check_images=False)
        report = audits.audit(blind_items(found.items), rng)
        return audits.as_table(report), report.passed
    if is_url(str(dataset)):
        folder = copy_rows(str(dataset))
    else:
        check_no_file(str(dataset))
        folder = Path(dataset)
    whole = audit_dataset(folder, rng)
    return dataset_audit_as_table(whole), whole.passed
