"""Pictures and numbered sequences in and out."""
