"""One way to reach Ray for both engines, and one line for whatever can go wrong there; Ray itself is not started."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import LoadOptions
from fourfold.evaluator.run import ray_engine as evaluating
from fourfold.evaluator.run.one_model import EvaluationSpec, ModelRun
from fourfold.evaluator.run.options import RunOptions
from fourfold.generator.recipe.reading import Recipe
from fourfold.generator.run import ray_engine as generating
from fourfold.generator.run.shards import Job, plan_shards


class RayError(Exception):
    """As Ray's, of which all others are."""


class RayTaskError(RayError):
    """What a task raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"a long trace\nof {cause}")
        self.cause = cause


class OutOfMemoryError(RayError):
    """Ray's own monitor has killed a worker once too often."""


class FakeRay:
    """What the engines use of Ray; starting it fails as often as there are errors."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, *errors: Exception, in_use: bool = False, answer: Exception | None = None) -> None:
        self.errors, self.in_use, self.answer = list(errors), in_use, answer
        self.started: list[dict[str, Any]] = []
        self.shut_down = 0

    def is_initialized(self) -> bool:
        return self.in_use

    def init(self, **settings: Any) -> None:
        self.started.append(settings)
        if self.errors:
            raise self.errors.pop(0)

    def shutdown(self) -> None:
        self.shut_down += 1

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def put(self, thing: object) -> object:
        return thing

    def remote(self, **_options: Any) -> Callable[[Any], Any]:
        return lambda function: SimpleNamespace(remote=lambda *given: (function, *map(id, given)))

    def wait(self, waiting: list[Any], num_returns: int = 1) -> tuple[list[Any], list[Any]]:
        return waiting[:num_returns], waiting[num_returns:]

    def get(self, _done: object) -> object:
        if self.answer is not None:
            raise self.answer
        return "made"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeRay | None], FakeRay | None]:
    """Make this the module `ray`; None: it is not installed."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")

    def call(ray: FakeRay | None) -> FakeRay | None:
        monkeypatch.setitem(sys.modules, "ray", ray)
        return ray

    return call


@pytest.fixture
def ask_either(small_recipe: Recipe) -> dict[str, Callable[[str | None], list[Any]]]:
    """Each engine, asked for all it has to do at an address."""
    todo = list(plan_shards(small_recipe))
    job = Job("somewhere", small_recipe, "folder", "raytrace")
    spec = EvaluationSpec(items=("one",), dataset={}, scorers=("cosine",))
    return {
        "generator": lambda address: list(generating.make_shards(job, todo, 2, address)),
        "evaluator": lambda address: list(evaluating.run_on_ray(spec, [ModelRun("a model")], address, False)),
    }


ENGINES = pytest.mark.parametrize("engine", ["generator", "evaluator"])


def closed_port() -> int:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        return int(mine.getsockname()[1])


@ENGINES
def test_without_ray_the_extra_is_named(engine, ask_either, use):
    use(None)
    with pytest.raises(InputError, match=r"pip install fourfold\[ray\]"):
        ask_either[engine](None)


@ENGINES
@pytest.mark.parametrize("place", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "127.0.0.1:7{}", "foo..bar:{}", "127.0.0.1:²"])
def test_an_address_where_nothing_listens_is_said_at_once(engine, place, ask_either, use):
    ray, address = use(FakeRay()), place.format(closed_port())
    with pytest.raises(InputError, match=f"--address {address}: no Ray cluster answers there") as said:
        ask_either[engine](address)
    assert ray.started == []
    assert "\n" not in str(said.value)


@ENGINES
@pytest.mark.parametrize("error", [ConnectionError("no running\nRay"), ValueError("Invalid"), Exception("too late")])
def test_a_cluster_that_refuses_is_asked_once(engine, error, ask_either, use):
    ray = use(FakeRay(error))
    with pytest.raises(InputError, match=r"--address auto: no Ray cluster answers there \(") as said:
        ask_either[engine]("auto")
    assert [settings["address"] for settings in ray.started] == ["auto"]
    assert "\n" not in str(said.value)


@ENGINES
def test_a_busy_machine_gets_three_trials(engine, ask_either, use):
    late = Exception("The current node timed out\nduring startup")
    ray = use(FakeRay(late, late))
    assert len(ask_either[engine](None)) > 0
    assert [settings["address"] for settings in ray.started] == ["local"] * 3
    assert ray.shut_down == 3  # what had half started, twice, and at the end
    ray = use(FakeRay(late, late, late, late))
    with pytest.raises(InputError, match=r"Ray does not start on this machine, tried 3 times \(The current") as said:
        ask_either[engine](None)
    assert (len(ray.started), ray.shut_down) == (3, 3)
    assert "\n" not in str(said.value)


@ENGINES
def test_a_ray_in_use_is_used_and_left_open(engine, ask_either, use):
    ray = use(FakeRay(in_use=True))
    ask_either[engine](None)
    assert (ray.started, ray.shut_down) == ([], 0)


def test_a_ray_of_the_generators_takes_the_cores_it_was_given(ask_either, use):
    ray = use(FakeRay())
    ask_either["generator"](None)
    assert ray.started[0]["num_cpus"] == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OutOfMemoryError("node 7\nhas no memory"), r"workers keep dying \(OutOfMemoryError: node 7 has no memory\)"),
        (RayTaskError(InputError("x: no such file")), "^x: no such file$"),
    ],
)
def test_a_task_that_fails_is_one_line(answer, expected, ask_either, use):
    use(FakeRay(answer=answer))
    with pytest.raises(InputError, match=expected):
        ask_either["generator"](None)
    use(FakeRay(answer=RayTaskError(answer)))  # a failed shard fails the model's last task
    [(_, found)] = ask_either["evaluator"](None)
    with pytest.raises(InputError, match=expected):
        raise found


def test_a_bug_in_a_task_keeps_its_trace(ask_either, use):
    bug = RayTaskError(ZeroDivisionError("ours"))
    use(FakeRay(answer=bug))
    with pytest.raises(ZeroDivisionError):
        ask_either["generator"](None)
    assert ask_either["evaluator"](None) == [(ModelRun("a model"), bug)]


@pytest.mark.parametrize(("device", "said"), [("cuda:1", "give --device cuda"), ("cuda", "finds no GPU")])
def test_a_gpu_that_no_worker_can_have_is_not_waited_for(device, said, use):
    ray = use(FakeRay())
    options = RunOptions(LoadOptions(device=device))
    spec = EvaluationSpec(items=("one",), dataset={}, scorers=("cosine",), options=options)
    with pytest.raises(InputError, match=said):
        list(evaluating.run_on_ray(spec, [ModelRun("a model")], None, False))
    assert len(ray.started) == ray.shut_down


@pytest.mark.parametrize(("items", "most"), [(1, 4), (4, 2), (0, 4)])
def test_few_models_are_under_way_at_a_time(items, most, use, monkeypatch: pytest.MonkeyPatch):
    """Two cores and shards of two items: what all models have encoded must not lie in memory together."""
    ray, under_way = use(FakeRay()), []
    monkeypatch.setattr(evaluating, "ITEMS_A_SHARD", 2)
    monkeypatch.setattr(ray, "wait", lambda waiting: (under_way.append(len(waiting)), FakeRay.wait(ray, waiting))[1])
    spec = EvaluationSpec(items=("item",) * items, dataset={}, scorers=("cosine",))
    runs = [ModelRun(f"model {i}") for i in range(9)]
    assert {run for run, _ in evaluating.run_on_ray(spec, runs, None, False)} == set(runs)
    assert (max(under_way), len(under_way)) == (most, 9)


def test_a_folder_that_a_worker_has_not_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere: cannot be entered on .*same path on every machine"):
        evaluating._enter(evaluating._Here(str(tmp_path / "nowhere"), "first"))


def test_a_model_is_loaded_once_a_call_and_again_for_the_next(monkeypatch: pytest.MonkeyPatch, small_recipe: Recipe):
    loaded: list[str] = []
    monkeypatch.setattr(evaluating, "load_encoder", lambda model, **_options: loaded.append(model))
    monkeypatch.setattr(evaluating, "encode_items", lambda *_given: "features")
    spec = EvaluationSpec(items=("one",), dataset={}, scorers=("cosine",))
    for call in ("first", "first", "second"):
        here = evaluating._Here(os.getcwd(), call)
        assert evaluating._encode_shard(spec, ModelRun("local-dir:x"), here, False) == "features"
    assert loaded == ["local-dir:x"] * 2
