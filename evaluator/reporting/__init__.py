"""Reports on results and datasets: Markdown, and one HTML file with an explorer of single groups."""

from evaluator.reporting.maps import Maps, collect_maps, save_maps
from evaluator.reporting.paper import write_paper
from evaluator.reporting.writing import write_browser, write_report

__all__ = ["Maps", "collect_maps", "save_maps", "write_browser", "write_paper", "write_report"]
