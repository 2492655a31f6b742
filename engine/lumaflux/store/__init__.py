"""Weights that are fetched: which there are, where they lie, and whether they are what they were."""
