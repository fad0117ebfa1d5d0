"""From a recipe to a finished dataset: shards, engines, destinations."""
