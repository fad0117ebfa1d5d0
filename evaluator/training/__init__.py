"""Training: heads on a frozen model, and the reference model."""
