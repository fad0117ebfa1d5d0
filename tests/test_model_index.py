"""What model cards say of results: as the hub's own library reads it, and without harm to the rest of a card."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.reporting.model_index import model_index, with_index, write_model_index, write_yaml

hub = pytest.importorskip("huggingface_hub")
repocard_data = pytest.importorskip("huggingface_hub.repocard_data")
DEMO = Path(__file__).parent.parent / "data_cards" / "results" / "fourfold-demo"
CARD = """---
license: mit  # as the code
tags:
- clip
model-index:
- name: tiny
  results:
  - task: {type: image-classification}
    dataset: {name: Beans, type: beans}
    metrics:
    - {type: accuracy, value: 0.5}
# what it was made from
datasets: [one, two]
---
# A card

---
text — with a line above it
"""


@pytest.fixture(scope="module")
def results() -> Results:
    return load(DEMO)


def test_the_hubs_library_reads_every_number(results: Results) -> None:
    index = yaml.safe_load(write_yaml(model_index([results])))["model-index"]
    name, found = repocard_data.model_index_to_eval_results(index)
    assert name == "fourfold-tiny"
    values = {(row.category, row.scorer, row.metric): row for row in results.metrics}
    for each in found:
        row = values[each.dataset_config, each.metric_args["scorer"], each.metric_type]
        assert each.metric_value == pytest.approx(row.value, abs=1e-6)
        assert (each.metric_args["low"], each.metric_args["high"]) == pytest.approx((row.low, row.high), abs=1e-6)
        assert (each.dataset_split, each.dataset_revision) == ("test", results.dataset["scenes_sha256"])
        assert each.dataset_args["content_sha256"] == results.dataset["content_sha256"]
    categories = {row.category for row in results.metrics}
    assert {(e.dataset_config, e.metric_args["scorer"]) for e in found} == {
        (category, scorer) for category in categories for scorer in ("cosine", "maxsim", "dcsm")
    }  # and no control
    # What its library makes of them is the same index again: none of two results is taken for one.
    again = repocard_data.eval_results_to_model_index(name, found)
    assert [len(each["metrics"]) for each in again[0]["results"]] == [3] * len(categories)


def test_a_card_keeps_all_else(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(CARD, encoding="utf-8")
    for _ in range(2):  # the second time replaces what the first one wrote
        write_model_index(model_index([results]), path)
        text = path.read_text(encoding="utf-8")
        assert text.endswith("---\n# A card\n\n---\ntext — with a line above it\n")
        assert text.startswith(
            "---\nlicense: mit  # as the code\ntags:\n- clip\n# what it was made from\ndatasets: [one"
        )
        card = hub.ModelCard(text)
        assert (card.data.license, card.data.tags, card.data.datasets) == ("mit", ["clip"], ["one", "two"])
        assert card.data.model_name == "tiny"
        assert [each.dataset_type for each in card.data.eval_results].count("beans") == 1
        assert sum(each.dataset_type == "fourfold-demo" for each in card.data.eval_results) == 3 * 6


def test_a_card_without_metadata_gets_some(results: Results, tmp_path: Path) -> None:
    for text in ("", "# A card\n"):
        found = with_index(text, model_index([results]), "README.md")
        assert found.endswith("---\n" + text)
        assert hub.ModelCard(found).data.model_name == "fourfold-tiny"
    path = write_model_index(model_index([results], name="mine", dataset_id="org/set"), tmp_path / "new" / "README.md")
    card = hub.ModelCard(path.read_text(encoding="utf-8"))
    assert (card.data.model_name, {each.dataset_type for each in card.data.eval_results}) == ("mine", {"org/set"})


def test_line_ends_of_a_card_stay(results: Results) -> None:
    found = with_index(CARD.replace("\n", "\r\n"), model_index([results]), "README.md")
    assert not re.search(r"(?<!\r)\n", found)
    assert found.replace("\r\n", "\n") == with_index(CARD, model_index([results]), "README.md")


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("a: [", "is no YAML"),
        ("- a\n", "no list of keys and values"),
        ("model-index: 3\n", "not as the hub specifies it"),
        ("model-index: [{name: x}]\n", "not as the hub specifies it"),
        ('a: "one\nmodel-index: two"\n', "cannot be changed safely"),
    ],
)
def test_a_card_that_would_be_harmed_is_refused(results: Results, front: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_index(f"---\n{front}\n---\n", model_index([results]), "README.md")


def test_signs_and_notes_go_along(results: Results) -> None:
    facts = {**results.scorers, "dcsm": {**results.scorers["dcsm"], "training_items": 60}}
    index = model_index([replace(results, scorers=facts, notes=("§ random weights",))])
    metrics = [metric for result in index[0]["results"] for metric in result["metrics"]]
    assert {metric["name"] for metric in metrics if metric["args"].get("training_items")} >= {"group, dcsm‡"}
    assert all(metric["args"]["notes"] == ["§ random weights"] for metric in metrics)


def test_several_results_of_one_model_are_one_index(results: Results) -> None:
    def only(*names: str) -> Results:
        rows = tuple(row for row in results.metrics if row.scorer in names)
        return replace(results, metrics=rows, scorers={name: results.scorers[name] for name in names})

    whole, parts = model_index([only("cosine", "dcsm")]), model_index([only("cosine"), only("cosine", "dcsm")])
    assert parts == whole
    other = replace(results, model={**results.model, "name": "other", "identity": "2"})
    with pytest.raises(InputError, match="of several: fourfold-tiny, other"):
        model_index([results, other])
    cut = replace(results, dataset={**results.dataset, "limit": 3, "content_sha256": "0"})
    with pytest.raises(InputError, match="would be one on a card"):
        model_index([results, cut])
    with pytest.raises(InputError, match="of controls alone"):
        model_index([only("random", "blind")])


def test_the_command_prints_or_writes(fourfold, tmp_path: Path) -> None:
    said = fourfold("model-index", DEMO)
    assert (said.code, yaml.safe_load(said.out)["model-index"][0]["name"]) == (0, "fourfold-tiny")
    assert "&id" not in said.out  # no anchors: people paste it
    said = fourfold("model-index", DEMO, "--out", tmp_path / "README.md", "--name", "org/tiny")
    assert (said.code, hub.ModelCard.load(tmp_path / "README.md").data.model_name) == (0, "org/tiny")
    said = fourfold("model-index", tmp_path)
    assert (said.code, said.err.count("\n")) == (2, 1)
