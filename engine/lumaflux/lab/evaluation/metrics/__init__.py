"""Metrics, one a file. Pictures are PQ/BT.2020 R'G'B' [B,3,H,W] float32 in [0,1] unless a name says nits."""
