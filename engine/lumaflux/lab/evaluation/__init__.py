"""How good a conversion is: metrics, baselines, pictures to look at."""
