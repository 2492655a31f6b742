#include "cpu/lattice.h"

#include <algorithm>
#include <vector>

#include "cpu/light.h"

namespace lumaflux {
namespace {

// A line of nodes along Y' as codes times kNodeScale, none of which is negative or has more than fifteen bits.
LUMAFLUX_DISPATCH void codes_of_line(const float* red, const float* green, const float* blue, std::size_t luma,
                                     std::int32_t* y, std::int32_t* cb, std::int32_t* cr) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < luma; ++i) {
    const float signal = kRed * red[i] + kGreen * green[i] + kBlue * blue[i];
    const auto whole = [](float code) LUMAFLUX_HOT { return static_cast<std::int32_t>(kNodeScale * code + 0.5f); };
    y[i] = whole(kLumaScale * signal + kLumaOffset);
    cb[i] = whole(kChromaScale / kToBlue * (blue[i] - signal) + kChromaOffset);
    cr[i] = whole(kChromaScale / kToRed * (red[i] - signal) + kChromaOffset);
  }
}

}  // namespace

void fill_lattice(const float* rgb, Stretch blue, Stretch red, std::size_t reds, std::size_t luma, Node* out) {
  const std::size_t plane = blue.count * red.count * luma;
  std::vector<std::int32_t> codes(3 * luma);
  std::int32_t *y = codes.data(), *cb = y + luma, *cr = cb + luma;
  const float* line = rgb;
  for (std::size_t b = blue.first; b < blue.first + blue.count; ++b) {
    for (std::size_t r = red.first; r < red.first + red.count; ++r, line += luma) {
      codes_of_line(line, line + plane, line + 2 * plane, luma, y, cb, cr);
      Node* nodes = out + (b * reds + r) * luma;
      for (std::size_t i = 0; i < luma; ++i) {
        const std::size_t next = std::min(i + 1, luma - 1);
        nodes[i] = {{y[i] | y[next] << 16, cb[i] | cb[next] << 16, cr[i] | cr[next] << 16, 0}};
      }
    }
  }
}

}  // namespace lumaflux
