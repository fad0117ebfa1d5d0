"""Tables of estimates and their writers, for everything above: they know no metric, no model and no dataset."""
