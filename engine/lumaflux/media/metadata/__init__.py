"""What a file says of itself, and the HDR metadata that goes with pictures."""
