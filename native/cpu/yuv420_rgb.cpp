#include "cpu/yuv420_rgb.h"

#include <algorithm>
#include <vector>

#include "cpu/light.h"
#include "cpu/rows.h"

namespace lumaflux {
namespace {

// Two rows of chroma codes, mixed and brought to full width: even columns are samples, odd ones lie between two.
template <class Code>
void chroma_row(const Code* near, const Code* far, float share, std::size_t half, std::size_t width, float* mixed,
                float* out) {
  for (std::size_t i = 0; i < half; ++i) {
    const float a = near[i], b = far[i];
    mixed[i] = a + share * (b - a);
  }
  mixed[half] = mixed[half - 1];
  for (std::size_t i = 0; 2 * i + 1 < width; ++i) {
    out[2 * i] = mixed[i];
    out[2 * i + 1] = 0.5f * (mixed[i] + mixed[i + 1]);
  }
  if (width % 2 == 1) out[width - 1] = mixed[half - 1];
}

template <class Code>
void rgb_row(const Code* y, const float* cb, const float* cr, std::size_t width, const YuvCoding& c, float* r, float* g,
             float* b) {
  const float luma = 1.0f / c.luma_scale, chroma = 1.0f / c.chroma_scale, low = c.luma_offset, middle = c.chroma_offset;
  const float red = 2.0f * (1.0f - c.red_weight) * chroma, blue = 2.0f * (1.0f - c.blue_weight) * chroma;
  const float green_red = c.red_weight / c.green_weight, green_blue = c.blue_weight / c.green_weight;
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float signal = (static_cast<float>(y[i]) - low) * luma;
    const float to_red = red * (cr[i] - middle), to_blue = blue * (cb[i] - middle);
    r[i] = between(signal + to_red, 0.0f, 1.0f);
    g[i] = between(signal - green_red * to_red - green_blue * to_blue, 0.0f, 1.0f);
    b[i] = between(signal + to_blue, 0.0f, 1.0f);
  }
}

}  // namespace

template <class Code>
void rgb_from_yuv420(const YuvPlanes<Code>& planes, std::size_t height, std::size_t width, const YuvCoding& coding,
                     float* rgb, unsigned threads) {
  const std::size_t plane = height * width, half = (width + 1) / 2, rows = (height + 1) / 2;
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> mixed(half + 1), cb(width), cr(width);
    for (std::size_t line = begin; line < end; ++line) {
      const std::size_t near = line / 2;
      const bool odd = line % 2 == 1;
      const std::size_t above = near == 0 ? 0 : near - 1, below = std::min(near + 1, rows - 1);
      const std::size_t far = odd ? below : above;
      const float share = coding.midway ? 0.25f : odd ? 0.5f : 0.0f;
      chroma_row(planes.cb + near * planes.cb_row, planes.cb + far * planes.cb_row, share, half, width, mixed.data(),
                 cb.data());
      chroma_row(planes.cr + near * planes.cr_row, planes.cr + far * planes.cr_row, share, half, width, mixed.data(),
                 cr.data());
      float* r = rgb + line * width;
      rgb_row(planes.y + line * planes.y_row, cb.data(), cr.data(), width, coding, r, r + plane, r + 2 * plane);
    }
  });
}

template void rgb_from_yuv420(const YuvPlanes<std::uint8_t>&, std::size_t, std::size_t, const YuvCoding&, float*,
                              unsigned);
template void rgb_from_yuv420(const YuvPlanes<std::uint16_t>&, std::size_t, std::size_t, const YuvCoding&, float*,
                              unsigned);

}  // namespace lumaflux
