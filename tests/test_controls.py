"""The table of baselines and controls: it is that of the stored trials, and one command makes all of it."""

import json
import platform
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from fourfold.errors import InputError
from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.encoders import TINY, TINY_RANDOM, load_encoder
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.run.evaluation import evaluate
from fourfold.evaluator.scorers import WRAPPERS, ScorerContext, load_scorer
from fourfold.evaluator.scoring.head_files import SHIPPED
from fourfold.evaluator.tables.formats import Estimate, write_csv, write_markdown
from fourfold.evaluator.training.train_head import EncodedItems
from fourfold.generator.recipe.recipe import Recipe, SceneRange, Split
from fourfold.generator.run.pipeline import generate
from fourfold.statistics import wilson_interval

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import ablations
import controls
from ablation_tables import CATEGORIES, Cell, Trial, read_trials

FOLDER = Path(__file__).parents[1] / "data_cards" / "results" / "controls"


def test_every_system_is_another_and_every_control_is_there() -> None:
    assert len({system.key for system in controls.SYSTEMS}) == len(controls.SYSTEMS)
    assert len({system.label for system in controls.SYSTEMS}) == len(controls.SYSTEMS)
    assert [system.control for system in controls.SYSTEMS if system.control] == list(WRAPPERS)


def test_the_processor_is_named_and_the_machine_is_not() -> None:
    assert controls.name_processor()
    assert platform.node() not in controls.name_processor().split()


def test_a_table_has_splits_down_with_the_interval_of_their_own_groups() -> None:
    places = [("test", "binding", 2), ("test", "binding", 3), ("test-more", "relation", 2)]
    trials = [
        Trial(f"{n}", system.key, 0, 7, 1, 0.5, tuple(Cell(*place, n % 5, 10) for place in places))
        for n, system in enumerate(controls.SYSTEMS)
    ]
    record = {
        "splits": ["test", "test-more"],
        "seeds": [0],
        "groups": 9,
        "epochs": 2,
        "model": "m",
        "random_model": "r",
    }
    shown = controls.table(record, trials)
    assert len(shown.rows) == 2 * len(controls.SYSTEMS)
    assert shown.rows[3] == ("test", controls.SYSTEMS[3].label, 7, None, share(6, 20), None, None, 20)
    below = shown.rows[len(controls.SYSTEMS) + 4]
    assert below == ("test-more", controls.SYSTEMS[4].label, 7, None, None, share(4, 10), None, 10)
    assert "one seed" in shown.notes[0]


def share(right: int, groups: int) -> Estimate:
    return Estimate(right / groups, *wilson_interval(right, groups))


def test_groups_are_counted_as_the_evaluation_counts_them(generated: Path, tmp_path: Path) -> None:
    """Whatever the control: the shares are those that `fourfold evaluate` gives."""
    encoder, items = load_encoder(TINY), load_items(generated, "test")
    data = EncodedItems(items, encode_items(encoder, items))
    names = ("cosine", "dcsm", *(f"{control}:dcsm" for control in WRAPPERS))
    head = SHIPPED / TINY / "dcsm.safetensors"
    results = evaluate(items, encoder, names, head=head, encoded=data.encoded, replicates=10, progress=False)
    context = ScorerContext(encoder, items, data.encoded, head=head)
    scorer = load_scorer("dcsm", context)
    for name in names:
        control = name.partition(":")[0] if ":" in name else ""
        asked = load_scorer("cosine", context) if name == "cosine" else scorer
        hits = controls.right(controls._controlled(asked, control, context), data)
        cells = ablations.tally(hits, "test", data)
        for row in results.metrics:
            if (row.scorer, row.metric) == (name, "group_score") and row.category in CATEGORIES:
                mine = [cell for cell in cells if cell.category == row.category]
                assert sum(cell.right for cell in mine) / sum(cell.groups for cell in mine) == pytest.approx(row.value)


def test_the_stored_table_is_that_of_the_stored_trials() -> None:
    record, known = json.loads((FOLDER / "controls.json").read_text(encoding="utf-8")), read_trials(FOLDER)
    trials = [known[identity] for identity in record["trials"]]
    shown = controls.table(record, trials)
    assert (FOLDER / "controls.md").read_text(encoding="utf-8") == write_markdown(shown)
    assert (FOLDER / "controls.csv").read_text(encoding="utf-8") == write_csv(shown)
    assert Counter(trial.variant for trial in trials) == Counter(
        system.key for system in controls.SYSTEMS for _ in record["seeds"]
    )
    for part in (f"--groups {record['groups']}", f"--epochs {record['epochs']}", f"--model {record['model']}"):
        assert part in record["command"]
    assert all(f"--seed {seed}" in record["command"] for seed in record["seeds"])


@pytest.mark.slow
def test_one_command_makes_the_table_and_goes_on_where_it_was(tmp_path: Path, monkeypatch) -> None:
    groups = dict.fromkeys(CATEGORIES, 8)
    splits = {name: Split(groups=groups) for name in ("train", "validation", "test", "test-counts")}
    recipe = Recipe(name="small", image_size=112, splits=splits, scene=SceneRange(objects=(2, 3)))
    data, out = generate(recipe, tmp_path / "data", progress=False), tmp_path / "out"
    asked = [str(data), "--out", str(out), "--groups", "8", "--epochs", "1", "--cache", str(tmp_path / "cache")]
    done = CliRunner().invoke(controls.main, asked)
    assert done.exit_code == 0, done.output
    trials = read_trials(out)
    assert len(trials) == len(controls.SYSTEMS)
    first = [(out / f"controls.{form}").read_bytes() for form in ("md", "csv", "json")]
    lines = (out / "trials.jsonl").read_text().splitlines()
    lost = json.loads(lines[-1])
    (out / "trials.jsonl").write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:40])  # killed as it wrote the last
    trained = []
    train = controls.train
    monkeypatch.setattr(controls, "train", lambda head, *given: trained.append(head.label) or train(head, *given))
    assert CliRunner().invoke(controls.main, asked).exit_code == 0
    assert len(trained) == 1  # its head alone
    assert [(out / f"controls.{form}").read_bytes() for form in ("md", "csv", "json")] == first
    assert read_trials(out)[lost["identity"]].cells == trials[lost["identity"]].cells
    assert not list(out.glob("*.safetensors*"))
    record = json.loads((out / "controls.json").read_text())
    assert record["splits"] == ["test", "test-counts"]
    assert record["random_model"] == TINY_RANDOM
    assert all(0 <= cell.right <= cell.groups > 0 for trial in trials.values() for cell in trial.cells)


def test_a_dataset_without_tests_is_said(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"splits": {"train": {}}}))
    with pytest.raises(InputError, match="no split whose name starts with 'test'"):
        controls.test_splits(tmp_path)


CLAIMS = {  # what the head's card says of the split "test", in whole percent: content, binding, relation, negation
    "cosine": (88, 4, 1, 1),
    "bilinear": (60, 1, 0, 1),
    "mlp": (63, 4, 3, 26),
    "mlp, slower": (87, 3, 1, 2),
    "fine-tuned, cosine": (79, 16, 5, 12),
    "token-transformer": (89, 1, 0, 1),
    "token-transformer, slower": (88, 3, 1, 1),
    "attention-pool": (83, 76, 1, 2),
    "dcsm, random tower": (1, 3, 3, 3),
    "dcsm, random tower, slower": (3, 2, 0, 0),
    "dcsm": (93, 92, 87, 84),
    "patch-shuffle:dcsm": (73, 14, 11, 43),
    "mean-patch:dcsm": (48, 3, 5, 12),
    "mirror:dcsm": (94, 91, 43, 77),
}


def test_the_card_says_what_the_table_says() -> None:
    record, known = json.loads((FOLDER / "controls.json").read_text(encoding="utf-8")), read_trials(FOLDER)
    rows = controls.table(record, [known[identity] for identity in record["trials"]]).rows
    found = {row[1]: tuple(round(100 * each.value) for each in row[3:7]) for row in rows if row[0] == "test"}
    assert {label: found[label] for label in CLAIMS} == CLAIMS
    on_objects = {row[1]: round(100 * row[4].value) for row in rows if row[0] == "test-objects"}
    assert on_objects["fine-tuned, cosine"] == 6
    card = (FOLDER.parents[1] / "fourfold-tiny-dcsm.md").read_text(encoding="utf-8")
    section = card.partition("## Baselines and controls")[2].partition("\n## ")[0]
    assert f"--groups {record['groups']} --epochs {record['epochs']}" in section
    for phrase in (
        "4 (`mlp`) and 1 (`bilinear`), from relation 3 and 0; the plain cosine has 4 and 1, and DCSM 92 and 87",
        "Of negation `mlp` gets 26, `bilinear` 1, DCSM 84",
        "63 against the cosine's 88",
        "(87) and gains nothing else (3, 1 and 2)",
        "79, 16, 5 and 12 of content, binding, relation and negation",
        "costs 9 points of content",
        "on new kinds of objects binding falls to 6",
        "89, 1, 0 and 1 of content, binding, relation and negation",
        "with a quarter of the learning rate 88, 3, 1 and 1",
        "Its best epoch is the tenth",
        "gets 76 of binding and keeps 83 of content",
        "relation and negation (1 and 2)",
        "gets 1, 3, 3 and 3 of content, binding, relation and negation",
        "with a quarter of the learning rate 3, 2, 0 and 0",
        "falls to 14 in binding, 11 in relation, 43 in negation and 73 in content",
        "falls to 3, 5, 12 and 48",
        "relation falls to 43",
        "stay (94 and 91), and negation loses 7 points",
    ):
        assert phrase in " ".join(section.split())
