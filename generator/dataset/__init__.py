"""The dataset folder as its readers see it, in any of its formats."""
