"""What a benchmark compares: every way from SDR to PQ/BT.2020 behind one small interface."""
