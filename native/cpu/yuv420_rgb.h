// R'G'B' of 4:2:0 codes. Twin: engine/lumaflux/color/yuv420_rgb.py.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lumaflux {

// How codes stand for signals (BT.2100-2 Table 9, H.273 8.3), the luma weights, and where chroma lies between rows.
struct YuvCoding {
  float luma_scale, luma_offset, chroma_scale, chroma_offset;
  float red_weight, green_weight, blue_weight;
  bool midway;  // chroma between two rows ("left"); on the even rows ("topleft") otherwise. Columns: always even.
};

// Planes with rows of `row` samples each; y: height x width, cb, cr: ceil(height/2) x ceil(width/2).
template <class Code>
struct YuvPlanes {
  const Code *y, *cb, *cr;
  std::size_t y_row, cb_row, cr_row;
};

// rgb: three planes of height x width floats in [0,1].
template <class Code>
void rgb_from_yuv420(const YuvPlanes<Code>& planes, std::size_t height, std::size_t width, const YuvCoding& coding,
                     float* rgb, unsigned threads);

}  // namespace lumaflux
