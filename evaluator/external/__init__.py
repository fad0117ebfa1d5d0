"""Benchmarks by others: the table of those we read, and `load_benchmark`, the one way to read them."""

from evaluator.external.benchmark import AuthorsMetric, Benchmark, LoadedBenchmark, Source
from evaluator.external.loading import load_benchmark
from evaluator.external.table import BENCHMARKS

__all__ = ["BENCHMARKS", "AuthorsMetric", "Benchmark", "LoadedBenchmark", "Source", "load_benchmark"]
