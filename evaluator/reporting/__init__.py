"""Reports on results and datasets: Markdown, and one HTML file with an explorer of single groups."""

from fourfold.evaluator.reporting.maps import Maps, collect_maps, save_maps
from fourfold.evaluator.reporting.paper import write_paper
from fourfold.evaluator.reporting.writing import write_browser, write_report

__all__ = ["Maps", "collect_maps", "save_maps", "write_browser", "write_paper", "write_report"]
