"""The Python calls behind the commands."""
