"""The commands of `fourfold` that show results to others: leaderboards, and what model cards say.

As in `fourfold.cli.main`, heavy imports stay inside the commands.
"""

from pathlib import Path

import click


@click.command(short_help="Rank many results on one dataset.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="leaderboard.html, or .md, .csv, .json")
@click.option("--category", help="to rank by; default: all together")
@click.option("--metric", help="to rank by, as group_score, text_score, match_score; default: the headline")
def leaderboard(results: tuple[Path, ...], out: Path | None, category: str | None, metric: str | None) -> None:
    """Rank every scorer of many RESULTS folders that are on one dataset, and test each against the best.

    Results on other data are named and left out; controls, and heads that were trained on some of the items, are shown
    without a rank.
    """
    from fourfold.calls.publishing import leaderboard as call
    from fourfold.evaluator.reporting.leaderboard import ranking_table
    from fourfold.evaluator.tables.formats import write_text

    board = call(results, out, category=category, metric=metric)
    click.echo(write_text(ranking_table(board)))
    if out is not None:
        click.echo(out)


@click.command("model-index", short_help="Write results as metadata of a model card.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="README.md of the model, or a YAML file; default: print")
@click.option("--name", help="of the model on the card; default: how it was named")
@click.option("--dataset-id", help="ORG/NAME of the dataset on the hub; default: its own name")
def model_index(results: tuple[Path, ...], out: Path | None, name: str | None, dataset_id: str | None) -> None:
    """Write the model-index of a model card on the HuggingFace hub from RESULTS folders of one model.

    A README.md that is there keeps its text, its other metadata and the results of others.
    """
    from fourfold.calls.publishing import model_index as call
    from fourfold.evaluator.reporting.model_index import write_yaml

    index = call(results, out, name=name, dataset_id=dataset_id)
    click.echo(write_yaml(index) if out is None else out, nl=out is not None)


PUBLISHING_COMMANDS = (leaderboard, model_index)
"""What is shown to others."""
