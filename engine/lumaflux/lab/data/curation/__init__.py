"""`lumaflux curate`: HDR sources -> stretches of mastered frames -> SDR renderings, compressed -> shards."""
