"""The engine as a long-lived local worker: protocol, shared-memory frames, queue, cache."""
