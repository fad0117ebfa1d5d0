"""Items: our datasets and other people's benchmarks as the one thing that is scored."""
