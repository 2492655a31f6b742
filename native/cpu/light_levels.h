// How bright a PQ frame is: what light_levels.py keeps of each frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/yuv420_rgb.h"

namespace lumaflux {

struct LightOfFrame {
  std::vector<std::int64_t> histogram;  // of max(R',G',B'), over equal steps of the signal
  std::array<float, 3> largest{};       // R', G' and B'
  double mean_nits = 0;                 // of max(R,G,B)
  bool finite = true;                   // false: the rest means nothing
};

// R'G'B' [3,H,W], clipped to [0,1]; the histogram gets `bins` entries. The same for any number of threads.
LightOfFrame light_of_frame(const float* rgb, std::size_t height, std::size_t width, std::size_t bins,
                            unsigned threads);

// The same of the R'G'B' that a display makes of 4:2:0 codes, without a plane of it.
LightOfFrame light_of_codes(const YuvPlanes<std::uint16_t>& planes, std::size_t height, std::size_t width,
                            const YuvCoding& coding, std::size_t bins, unsigned threads);

}  // namespace lumaflux
