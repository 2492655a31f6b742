"""From one frame to its HDR picture: sampler, converter, look controls."""
