"""Training: one resumable loop, four stages (VAE, tower, prior, adapters), configurations beside it."""
