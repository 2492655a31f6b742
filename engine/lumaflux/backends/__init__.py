"""Who evaluates the network: torch now, engines behind the same interface."""
