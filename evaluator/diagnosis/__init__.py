"""Where in a model the information is lost: probes of every layer, the pooled vectors and the pair."""
