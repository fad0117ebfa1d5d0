"""Benchmarks by others: the table of those we read, and `load_benchmark`, the one way to read them."""

from fourfold.evaluator.data.external.benchmark import AuthorsMetric, Benchmark, LoadedBenchmark, Source
from fourfold.evaluator.data.external.loading import load_benchmark
from fourfold.evaluator.data.external.table import BENCHMARKS

__all__ = ["BENCHMARKS", "AuthorsMetric", "Benchmark", "LoadedBenchmark", "Source", "load_benchmark"]
