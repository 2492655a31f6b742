// 8-bit 4:2:0 codes to 10-bit 4:2:0 PQ/BT.2020 codes, row by row: what is global in a frame is a lattice of three axes.
// Reference: rgb_from_yuv420, deband, compose and yuv420p10, one after the other
// (engine/lumaflux/inference/one_pass.py).
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/lattice.h"
#include "cpu/yuv420_rgb.h"

namespace lumaflux {

// What clipped pixels gain, in stops; null where none does. The grid is stretched over the frame.
struct HighlightGrid {
  const float* stops;
  std::size_t height, width;
};

// Pixels of graphics, whose light is held: their places in the picture, ascending, how far they belong to graphics, and
// the PQ/BT.2020 R'G'B' that they are no lighter than, three numbers a pixel.
struct HeldPixels {
  const std::int64_t* places;
  const float *shares, *bounds;
  std::size_t count;
};

// planes: the codes as they came; their luma is smoothed on the way (cpu/deband.h).
void pq_codes(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width, const YuvCoding& coding,
              const Lattice& lattice, const HighlightGrid& grid, const HeldPixels& held, std::uint16_t* y,
              std::uint16_t* cb, std::uint16_t* cr, unsigned threads);

// The share of pixels whose largest channel is at least `clipped`.
double clipped_share(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                     const YuvCoding& coding, float clipped, unsigned threads);

}  // namespace lumaflux
