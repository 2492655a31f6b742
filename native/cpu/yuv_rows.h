// Rows of 4:2:0 codes as signals: chroma brought to full width, and R'G'B' of both.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "cpu/yuv420_rgb.h"

namespace lumaflux {

// Two rows of chroma codes, mixed and brought to full width: even columns are samples, odd ones lie between two.
// `mixed`: a buffer of half + 1.
void chroma_row(const std::uint8_t* near, const std::uint8_t* far, float share, std::size_t half, std::size_t width,
                float* mixed, float* out);
void chroma_row(const std::uint16_t* near, const std::uint16_t* far, float share, std::size_t half, std::size_t width,
                float* mixed, float* out);

// Both give the same bits on every instruction set.
void rgb_row(const std::uint8_t* y, const float* cb, const float* cr, std::size_t width, const YuvCoding& c, float* r,
             float* g, float* b);
void rgb_row(const std::uint16_t* y, const float* cb, const float* cr, std::size_t width, const YuvCoding& c, float* r,
             float* g, float* b);

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
