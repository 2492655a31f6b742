// 10-bit 4:2:0 codes of a PQ/BT.2020 picture. Twin: engine/lumaflux/color/yuv420p10.py.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lumaflux {

// rgb: three planes of height x width floats, non-linear R'G'B' in [0,1].
// y: height x width; cb, cr: ceil(height/2) x ceil(width/2). Narrow range, chroma co-sited top-left.
void yuv420p10(const float* rgb, std::size_t height, std::size_t width, std::uint16_t* y, std::uint16_t* cb,
               std::uint16_t* cr, unsigned threads);

}  // namespace lumaflux
