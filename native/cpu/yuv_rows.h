// Rows of 4:2:0 codes as signals: chroma brought to full width, and R'G'B' of both.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "cpu/light.h"
#include "cpu/yuv420_rgb.h"

namespace lumaflux {

// Two rows of chroma codes, mixed and brought to full width: even columns are samples, odd ones lie between two.
template <class Code>
inline void chroma_row(const Code* near, const Code* far, float share, std::size_t half, std::size_t width,
                       float* mixed, float* out) {
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
inline void rgb_row(const Code* y, const float* cb, const float* cr, std::size_t width, const YuvCoding& c, float* r,
                    float* g, float* b) {
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

// Makes the rows of a picture one at a time; for one thread.
template <class Code>
class YuvRows {
 public:
  YuvRows(const YuvPlanes<Code>& planes, std::size_t height, std::size_t width, const YuvCoding& coding)
      : planes_(planes),
        coding_(coding),
        width_(width),
        half_((width + 1) / 2),
        rows_((height + 1) / 2),
        mixed_(half_ + 1),
        cb_(width),
        cr_(width) {}

  // Cb and Cr codes of a row at full width, until the next call.
  std::pair<const float*, const float*> chroma(std::size_t line) {
    const std::size_t near = line / 2;
    const bool odd = line % 2 == 1;
    const std::size_t far = odd ? std::min(near + 1, rows_ - 1) : near == 0 ? 0 : near - 1;
    const float share = coding_.midway ? 0.25f : odd ? 0.5f : 0.0f;
    chroma_row(planes_.cb + near * planes_.cb_row, planes_.cb + far * planes_.cb_row, share, half_, width_,
               mixed_.data(), cb_.data());
    chroma_row(planes_.cr + near * planes_.cr_row, planes_.cr + far * planes_.cr_row, share, half_, width_,
               mixed_.data(), cr_.data());
    return {cb_.data(), cr_.data()};
  }

  void rgb(std::size_t line, float* r, float* g, float* b) {
    const auto [cb, cr] = chroma(line);
    rgb_row(planes_.y + line * planes_.y_row, cb, cr, width_, coding_, r, g, b);
  }

 private:
  YuvPlanes<Code> planes_;
  YuvCoding coding_;
  std::size_t width_, half_, rows_;
  std::vector<float> mixed_, cb_, cr_;
};

}  // namespace lumaflux
