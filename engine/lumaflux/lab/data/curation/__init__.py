"""`lumaflux curate`: HDR sources -> segments of mastered frames -> SDR renderings, compressed -> shards."""
