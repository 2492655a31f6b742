// A small picture of 4:2:0 codes, and how much of each of its pixels is clipped, without a picture of full size.
// Twins: engine/lumaflux/inference/reduced_codes.py and graphics.py (reduced_clipping).
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/yuv420_rgb.h"

namespace lumaflux {

// out: three planes of rows x columns, Y' in [0,1], Cb and Cr in about [-0.5,0.5], averaged by triangles as wide as two
// of their pixels. Sums run in one order on every instruction set.
void reduced_ycbcr(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                   const YuvCoding& coding, std::size_t rows, std::size_t columns, float* out);

// out: rows x columns, the share of each that has a channel of at least `clipped`, averaged likewise.
void reduced_clipping(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                      const YuvCoding& coding, float clipped, std::size_t rows, std::size_t columns, float* out);

}  // namespace lumaflux
