"""The notebook in examples/ runs from top to bottom, and shows what it says it shows."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

NOTEBOOK = Path(__file__).parent.parent / "examples" / "quickstart.ipynb"
GROUPS = "groups=12"  # of each category; fewer here, to be quick


def test_the_quickstart_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    made = next(cell for cell in notebook.cells if GROUPS in cell.source)
    made.source = made.source.replace(GROUPS, "groups=2, workers=1")
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        output["data"].get("text/html", output["data"]["text/plain"])
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    looked, results, scored, probed, reported = shown
    assert looked.count("data:image/webp") == 2
    assert "2AFC" not in results  # the headline of a category is its group score
    assert all(name in results for name in ("cosine", "dcsm", "blind", "binding"))
    assert "dcsm" in scored
    assert "C2" in probed
    (page,) = tmp_path.glob("fourfold-*/report.html")
    assert page.name in reported
    assert "Geometry" in page.read_text(encoding="utf-8")
    assert not any(cell.get("outputs") for cell in nbformat.read(NOTEBOOK, as_version=4).cells)  # none is checked in
