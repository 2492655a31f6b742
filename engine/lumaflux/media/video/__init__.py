"""Video in and out: containers, streams, packets. One reader or writer a file."""
