"""Training material: sources -> mastered HDR views -> degraded SDR pairs, split by scene."""
