#include "cpu/yuv_rows.h"

#include "cpu/light.h"

namespace lumaflux {
namespace {

template <class Code>
LUMAFLUX_INLINE void bring_to_full_width(const Code* near, const Code* far, float share, std::size_t half,
                                         std::size_t width, float* mixed, float* out) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < half; ++i) {
    const float a = near[i], b = far[i];
    mixed[i] = a + share * (b - a);
  }
  mixed[half] = mixed[half - 1];
  const std::size_t pairs = width / 2;
#pragma GCC ivdep
  for (std::size_t i = 0; i < pairs; ++i) {
    out[2 * i] = mixed[i];
    out[2 * i + 1] = 0.5f * (mixed[i] + mixed[i + 1]);
  }
  if (width % 2 == 1) out[width - 1] = mixed[half - 1];
}

template <class Code>
LUMAFLUX_INLINE void decode_row(const Code* y, const float* cb, const float* cr, std::size_t width, const YuvCoding& c,
                                float* r, float* g, float* b) {
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

LUMAFLUX_DISPATCH void chroma_row(const std::uint8_t* near, const std::uint8_t* far, float share, std::size_t half,
                                  std::size_t width, float* mixed, float* out) {
  bring_to_full_width(near, far, share, half, width, mixed, out);
}

LUMAFLUX_DISPATCH void chroma_row(const std::uint16_t* near, const std::uint16_t* far, float share, std::size_t half,
                                  std::size_t width, float* mixed, float* out) {
  bring_to_full_width(near, far, share, half, width, mixed, out);
}

LUMAFLUX_DISPATCH void rgb_row(const std::uint8_t* y, const float* cb, const float* cr, std::size_t width,
                               const YuvCoding& c, float* r, float* g, float* b) {
  decode_row(y, cb, cr, width, c, r, g, b);
}

LUMAFLUX_DISPATCH void rgb_row(const std::uint16_t* y, const float* cb, const float* cr, std::size_t width,
                               const YuvCoding& c, float* r, float* g, float* b) {
  decode_row(y, cb, cr, width, c, r, g, b);
}

}  // namespace lumaflux
