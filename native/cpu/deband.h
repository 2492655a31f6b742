// Smoothing of the steps of 8-bit codes. Twin: engine/lumaflux/inference/debanding.py.
#pragma once

#include <cstddef>

namespace lumaflux {

// sdr, out: `channels` planes of width x height codes in [0,1]. They must not overlap.
void deband(const float* sdr, std::size_t width, std::size_t height, float* out, unsigned threads,
            std::size_t channels = 3);

}  // namespace lumaflux
