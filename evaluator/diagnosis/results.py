"""What a diagnosis found: bits of every stage, the losses, what is said of them, and `diagnosis.json`, where they stay.

This module needs no torch, so that reports read it at no cost.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fourfold.errors import InputError
from fourfold.evaluator.analysis.marks import mark_model
from fourfold.evaluator.analysis.rows import make_row
from fourfold.evaluator.diagnosis.rows import CEILING, COSINE, POOLED, SIDES, TOKENS, Loss, SameObject, StageBits
from fourfold.evaluator.tables.formats import Cell, Estimate, Table, write_html
from fourfold.generator.dataset.reading import dump_json, write_atomically

DIAGNOSIS_FILE = "diagnosis.json"
FORMAT, VERSION = "fourfold-diagnosis", 1
NEVER, KEPT = "never there", "kept"
_SIDE_NAMES = {"image": "image tower", "text": "text tower", "pair": "pair"}


@dataclass(frozen=True)
class Diagnosis:
    """What the probes of every stage of a model found on a set, category by category."""

    model: str
    identity: str  # of the encoder
    dataset: str
    seed: int
    stages: tuple[StageBits, ...]  # the side `CEILING` first, then each side's stages in order
    losses: tuple[Loss, ...]  # of each category, the largest first
    same_object: tuple[SameObject, ...] = ()
    left_out: tuple[str, ...] = ()  # lines: stages that the model does not show
    cost: Mapping[str, float] = field(default_factory=dict)  # seconds of processor time: "encoding", "probing", ...
    notes: tuple[str, ...] = ()

    @property
    def categories(self) -> list[str]:
        """In the order of the set."""
        return list(dict.fromkeys(row.category for row in self.stages))

    def of(self, category: str, side: str) -> list[StageBits]:
        """The stages of one side in order."""
        return [row for row in self.stages if (row.category, row.side) == (category, side)]

    def losses_of(self, category: str) -> list[Loss]:
        """The losses of one category, the largest first."""
        return [loss for loss in self.losses if loss.category == category]

    def lost_at(self, category: str) -> str:
        """The transition with the largest loss, as "image: patches > pooled image"; else `NEVER` or `KEPT`."""
        losses = self.losses_of(category)
        if losses:
            return f"{losses[0].side}: {losses[0].before} > {losses[0].after}"
        return NEVER if self._absent(category) else KEPT

    def sentence(self, category: str) -> str:
        """What the numbers carry, in one sentence a side that has something to say."""
        said = [self._side_sentence(category, side) for side in ("image", "text")]
        said.append(self._cosine_sentence(category))
        return "; ".join(filter(None, said))

    def _absent(self, category: str) -> list[str]:
        sides = [side for side in ("image", "text") if self.of(category, side)]
        return [side for side in sides if not any(_is_there(row) for row in self.of(category, side))]

    def _side_sentence(self, category: str, side: str) -> str:
        rows = self.of(category, side)
        if not rows:
            return ""
        best, last = max(rows, key=lambda row: row.bits), rows[-1]
        name = _SIDE_NAMES[side]
        if not _is_there(best):
            return f"{name}: no probe finds it at any stage"
        order = [row.stage for row in rows]
        losses = [loss for loss in self.losses_of(category) if loss.side == side]
        losses.sort(key=lambda loss: order.index(loss.before))
        if not losses:
            return f"{name}: kept, {_bits(last)} in the {last.stage}"
        parts = [_told(loss) for loss in losses]
        return f"{name}: lost {' and '.join(parts)}; {_bits(last)} are left in the {last.stage}"

    def _cosine_sentence(self, category: str) -> str:
        rows = {row.stage: row for row in self.of(category, "pair")}
        pooled, cosine = rows.get(POOLED["pair"]), rows.get(COSINE)
        if pooled is None or cosine is None:
            return ""
        if any(loss.side == "pair" for loss in self.losses_of(category)):
            return f"cosine: a trained probe of both pooled vectors finds {_bits(pooled)}, the cosine {cosine.bits:.2f}"
        return f"cosine: {_bits(cosine)} (a trained probe of the same vectors: {pooled.bits:.2f})"

    def __repr__(self) -> str:
        said = ", ".join(f"{category}: {self.lost_at(category)}" for category in self.categories)
        return f"Diagnosis: {self.model}; {said}"

    def _repr_html_(self) -> str:
        return "".join(write_html(table) for table in diagnosis_tables(self))


def _is_there(row: StageBits) -> bool:
    return row.low is not None and row.low > 0 and row.bits >= 0.05


def _bits(row: StageBits) -> str:
    spread = "" if row.low is None or row.high is None else f" [{row.low:.2f}, {row.high:.2f}]"
    return f"{row.bits:.2f}{spread} bits"


def _told(loss: Loss) -> str:
    places = {POOLED["image"]: "in pooling", POOLED["text"]: "in pooling", TOKENS["image"]: "in the projection"}
    places[TOKENS["text"]] = "in the projection"
    where = places.get(loss.after, f"in {loss.after}")
    return f"{where} ({loss.bits_before:.2f} > {loss.bits_after:.2f} bits)"


def save_diagnosis(result: Diagnosis, path: Path) -> None:
    """Write everything as one JSON file; `read_diagnosis` reads it back."""
    lost = {category: result.lost_at(category) for category in result.categories}
    said = {category: result.sentence(category) for category in result.categories}
    content = {"format": FORMAT, "version": VERSION, **asdict(result), "lost_at": lost, "sentences": said}
    write_atomically(Path(path), dump_json(content))


def read_diagnosis(path: Path) -> Diagnosis | None:
    """Read what `save_diagnosis` wrote; None if there is no such file. Raises InputError for a file of another kind."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        result = Diagnosis(
            model=str(content["model"]),
            identity=str(content["identity"]),
            dataset=str(content["dataset"]),
            seed=int(content["seed"]),
            stages=tuple(make_row(StageBits, row, f"{path}: stages") for row in content["stages"]),
            losses=tuple(make_row(Loss, row, f"{path}: losses") for row in content["losses"]),
            same_object=tuple(make_row(SameObject, row, f"{path}: same_object") for row in content["same_object"]),
            left_out=tuple(map(str, content["left_out"])),
            cost={str(name): float(value) for name, value in content["cost"].items()},
            notes=tuple(map(str, content["notes"])),
        )
        if unknown := {row.side for row in result.stages} - {*SIDES, CEILING}:
            raise ValueError(f"unknown side {min(unknown)!r}")
        return result
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a diagnosis as fourfold writes it ({error}); give another name, or remove it and diagnose "
            f"again"
        ) from None


BITS_NOTE = (
    "bits a group, of 1: which caption goes with which picture, as far as a probe of this stage says it of groups that "
    "it was not fitted to; 0 is chance. The other side of an image or text stage is what the captions claim, without "
    "noise; of a pair, the model's own other side. Bits are those of this family of probes on so many groups, a lower "
    "bound"
)


def diagnosis_tables(result: Diagnosis) -> list[Table]:
    """For each side a table of categories down and stages across, then controls, then the probe of objects."""
    name = mark_model(result.model, result.notes)
    lost = tuple((category, result.lost_at(category), result.sentence(category)) for category in result.categories)
    notes = (*result.left_out, *result.notes)
    tables = [Table(f"where {name} loses it", ("category", "lost at", "in words"), lost, notes)]
    for side in SIDES:
        stages = list(dict.fromkeys(row.stage for row in result.stages if row.side == side))
        if stages:
            rows = tuple(_stage_row(result, category, side, stages) for category in result.categories)
            tables.append(Table(f"{side} stages of {name}, bits", ("category", *stages), rows, (BITS_NOTE,)))
    tables.append(_control_table(result))
    if result.same_object:
        lines = tuple((row.stage, _number(row), _plain(row.position_bits), row.pairs) for row in result.same_object)
        header = ("layer", "bits a pair", "places alone", "pairs")
        tables.append(Table(f"same object or not, two patches of {name}", header, lines))
    return tables


def _control_table(result: Diagnosis) -> Table:
    """What must be 1, and what must be 0: the claims themselves, shuffled pairings, random weights."""
    lines = []
    for category in result.categories:
        claims = [_number(row) for row in result.of(category, CEILING)]
        rows = [row for side in SIDES for row in result.of(category, side)]
        shuffled = [row.shuffled for row in rows if row.shuffled is not None]
        finds: list[Cell] = []
        for side in ("image", "text"):
            random = [row.random_weights for row in result.of(category, side) if row.random_weights is not None]
            finds += [_plain(random[0]), _plain(random[-1])] if random else [None, None]
        mean = sum(shuffled) / len(shuffled) if shuffled else None
        lines.append(
            (category, claims[0] if claims else None, _plain(mean), _plain(max(shuffled, default=None)), *finds)
        )
    header = ("category", "claims", "shuffled, mean", "shuffled, most")
    ends = tuple(f"random weights, {side} {end}" for side in ("image", "text") for end in ("first", "pooled"))
    note = (
        "claims: both sides are the claims themselves, the most that these probes know of so many groups; shuffled: "
        "half of the training pairings are turned round, mean and largest of all stages; random weights: the first and "
        "the last stage of each tower with the numbers of every weight in random order, since raw pixels and words "
        "tell something too"
    )
    return Table("controls, bits", (*header, *ends), tuple(lines), (note,))


def _plain(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(value, percent=False)


def _number(row: StageBits | SameObject) -> Estimate:
    return Estimate(row.bits, row.low, row.high, percent=False)


def _stage_row(result: Diagnosis, category: str, side: str, stages: list[str]) -> tuple[Cell, ...]:
    found = {row.stage: row for row in result.of(category, side)}
    return (category, *(_number(found[stage]) if stage in found else None for stage in stages))
