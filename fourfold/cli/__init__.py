"""The command `fourfold`: a thin skin over Python calls."""
