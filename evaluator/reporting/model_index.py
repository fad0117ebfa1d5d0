"""What a model card on the HuggingFace hub says of results: the `model-index` of its metadata.

The hub's specification: https://github.com/huggingface/hub-docs/blob/main/modelcard.md. One result is one category, the
`config` of the dataset; its metrics are the scorers' headline numbers, as fractions, with their intervals in `args`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.summary import headline_metric
from fourfold.evaluator.reporting.systems import is_control
from fourfold.files import write_atomically

TASK = {"type": "image-text-matching", "name": "Image-Text Matching"}
_KEY = "model-index"
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_DIGITS = 6  # of a share
_SAID = ("items", "seed", "changes", "limit", "content_sha256")  # of the dataset


def model_index(
    runs: Sequence[Results], *, name: str | None = None, dataset_id: str | None = None
) -> list[dict[str, Any]]:
    """The `model-index` of one model's results: every category with every scorer but the controls.

    `name` is what the card calls the model, by default its specification; `dataset_id` the dataset's id on the hub, by
    default its own name. Raises InputError for results of several models, and results that show controls alone.
    """
    if not runs:
        raise InputError("model-index: no results given; name a folder that `fourfold evaluate` wrote")
    if len({str(run.model.get("identity", run.model["name"])) for run in runs}) > 1:
        models = ", ".join(dict.fromkeys(str(run.model["name"]) for run in runs))
        raise InputError(f"model-index: a card is about one model, and these results are of several: {models}")
    found: list[dict[str, Any]] = []
    for run in runs:
        for each in _results_of(run, dataset_id):
            earlier = next((other for other in found if _key(other) == _key(each)), None)
            if earlier is None:
                found.append(each)
            elif earlier["dataset"] != each["dataset"]:
                raise InputError(
                    f"model-index: {each['dataset']['name']} and {earlier['dataset']['name']} would be one on a card; "
                    "give results on one of them"
                )
            else:
                earlier["metrics"] += [metric for metric in each["metrics"] if metric not in earlier["metrics"]]
    if not found:
        raise InputError("model-index: these results are of controls alone, which say nothing about a model")
    return [{"name": name or str(runs[0].model["name"]), "results": found}]


def write_yaml(index: Sequence[Mapping[str, Any]]) -> str:
    """The `model-index` as the YAML that stands in a card's front matter."""
    import yaml

    return yaml.safe_dump({_KEY: list(index)}, sort_keys=False, allow_unicode=True, width=120)


def write_model_index(index: Sequence[Mapping[str, Any]], out: Path) -> Path:
    """Write the `model-index` to a YAML file, or into the front matter of a card that ends in .md. Returns `out`.

    A card that is there keeps its text, its other metadata, and the results of others. Raises InputError for a card
    whose front matter cannot be read.
    """
    if out.suffix != ".md":
        text = write_yaml(index)
    else:
        try:
            text = with_index(out.read_bytes().decode() if out.exists() else "", index, str(out))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{out}: cannot be read as a model card ({error})") from None
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, text)
    return out


def with_index(card: str, index: Sequence[Mapping[str, Any]], where: str) -> str:
    """The text of a card with the `model-index` in its metadata, all else as it was.

    Results that the card has on other data stay; on the same they are replaced. Raises InputError, beginning with
    `where`, for metadata that cannot be read.
    """
    line_end = "\r\n" if "\r\n" in card else "\n"
    card = card.replace("\r\n", "\n")
    match = _FRONT.match(card)
    before = match[1] if match else ""
    body = card[match.end() :] if match else card
    metadata = _read_metadata(before, where)
    lines = _without_index(before)
    block = write_yaml(_merged(metadata.get(_KEY), index, where))
    after = "".join(lines) + block
    if not _is_same(after, metadata):
        raise InputError(f"{where}: its metadata cannot be changed safely; put in what `fourfold model-index` prints")
    return f"---\n{after}---\n{body}".replace("\n", line_end)


def _results_of(run: Results, dataset_id: str | None) -> Iterator[dict[str, Any]]:
    dataset = run.dataset
    args = {key: dataset[key] for key in _SAID if dataset.get(key) not in (None, [])}
    for category in dict.fromkeys(row.category for row in run.metrics):
        headline = headline_metric(run.metrics, category)
        rows = [row for row in run.metrics if (row.category, row.metric) == (category, headline)]
        metrics = [_metric(row, run) for row in rows if not is_control(row.scorer)]
        described = {
            "name": name_asked(dataset),
            "type": dataset_id or str(dataset.get("name", "unknown")),
            "config": category,
            "split": dataset.get("split"),
            "revision": dataset.get("scenes_sha256"),
            "args": dict(args),
        }
        if metrics:
            yield {
                "task": dict(TASK),
                "dataset": {key: value for key, value in described.items() if value is not None},
                "metrics": metrics,
            }


def _metric(row: MetricRow, run: Results) -> dict[str, Any]:
    facts = run.scorers[row.scorer]
    limits = {"low": row.low, "high": row.high}
    args: dict[str, Any] = {"scorer": row.scorer}
    args |= {key: round(value, _DIGITS) for key, value in limits.items() if value is not None}
    args |= {"level": run.settings["level"], "chance": round(row.chance, _DIGITS), "items": row.items}
    args |= {key: facts[key] for key in ("set_dependent", "training_items") if facts.get(key)}
    args |= {"notes": list(run.notes)} if run.notes else {}
    return {
        "type": row.metric,
        "value": round(row.value, _DIGITS),
        "name": f"{METRICS[row.metric].label}, {mark_scorer(row.scorer, facts)}",
        "args": args,
    }


def _key(result: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two results one for the hub."""
    dataset = result["dataset"]
    return (result["task"]["type"], *(dataset.get(key) for key in ("type", "config", "split", "revision")))


def _read_metadata(text: str, where: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where}: its front matter is no YAML ({' '.join(str(error).split())})") from None
    if not isinstance(found, dict | None):
        raise InputError(f"{where}: its front matter is no list of keys and values, as model cards have")
    return found or {}


def _is_same(front: str, metadata: Mapping[str, Any]) -> bool:
    """Whether a front matter says what `metadata` does, but for the `model-index`."""
    try:
        return {**_read_metadata(front, ""), _KEY: None} == {**metadata, _KEY: None}
    except InputError:
        return False


def _without_index(front: str) -> list[str]:
    """The lines of a front matter but those of its `model-index`: from its key to the next one."""
    lines, inside = [], False
    for line in front.splitlines(keepends=True):
        if re.match(r"[^\s-]", line):
            inside = re.match(rf"[\"']?{_KEY}[\"']?\s*:", line) is not None
        if not inside:
            lines.append(line)
    return lines


def _merged(earlier: Any, index: Sequence[Mapping[str, Any]], where: str) -> list[dict[str, Any]]:
    """The index with the results on other data that the card has already; its name for the model stays."""
    [ours] = index
    keys = {_key(result) for result in ours["results"]}
    try:
        entries = [{**entry, "results": list(entry["results"])} for entry in earlier or ()]
        mine = next((entry for entry in entries if entry["name"] == ours["name"]), entries[0] if entries else None)
        if mine is None:
            return [dict(ours)]
        mine["results"] = [*(each for each in mine["results"] if _key(each) not in keys), *ours["results"]]
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{where}: its {_KEY} is not as the hub specifies it; mend or remove it") from None
    return entries
