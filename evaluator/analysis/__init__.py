"""From scores to numbers one can trust: metrics, summaries, comparisons, embedding geometry."""
