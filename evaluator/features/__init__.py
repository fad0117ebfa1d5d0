"""Every picture and caption encoded once, and kept on disk."""
