"""What is said about scenes, and the dataset on disk."""
