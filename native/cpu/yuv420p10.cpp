// Three rows of half-width chroma are alive at a time:
//
//   luma row    2i-1      2i       2i+1
//   half rows   above   current    below      each [1 2 1]/4 across, at even columns
//                   \      |       /
//                    1/4  1/2   1/4   ->  chroma row i
//
// Borders repeat. Rows come in pairs, so "below" of one pair is "above" of the next.

#include "cpu/yuv420p10.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cpu/rows.h"

namespace lumaflux {
namespace {

constexpr float kRed = 0.2627f, kGreen = 0.6780f, kBlue = 0.0593f;  // BT.2020-2 Table 4
constexpr float kBlueDivisor = static_cast<float>(2 * (1 - 0.0593));
constexpr float kRedDivisor = static_cast<float>(2 * (1 - 0.2627));

std::uint16_t code(float value, float scale, float offset) {  // BT.2100-2 Table 9
  const float rounded = std::floor(scale * value + offset + 0.5f);
  return static_cast<std::uint16_t>(std::min(std::max(rounded, 4.0f), 1019.0f));
}

// [1 2 1]/4 at even columns; an odd width repeats its last column.
void halve(const std::vector<float>& full, std::size_t width, std::vector<float>& half) {
  const std::size_t count = (width + 1) / 2;
  for (std::size_t i = 0; i < count; ++i) {
    const float even = full[2 * i];
    const float before = i == 0 ? even : full[2 * i - 1];
    const float after = 2 * i + 1 < width ? full[2 * i + 1] : even;
    half[i] = 0.5f * even + 0.25f * (before + after);
  }
}

}  // namespace

void yuv420p10(const float* rgb, std::size_t height, std::size_t width, std::uint16_t* y, std::uint16_t* cb,
               std::uint16_t* cr, unsigned threads) {
  const std::size_t plane = height * width, half_width = (width + 1) / 2;
  over_rows((height + 1) / 2, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> blue(width), red(width), luma(width);
    std::vector<float> blue_above(half_width), blue_here(half_width), blue_below(half_width);
    std::vector<float> red_above(half_width), red_here(half_width), red_below(half_width);

    const auto row = [&](std::size_t line, std::vector<float>& half_blue, std::vector<float>& half_red) {
      const float *r = rgb + line * width, *g = r + plane, *b = g + plane;
      for (std::size_t i = 0; i < width; ++i) {
        luma[i] = kRed * r[i] + kGreen * g[i] + kBlue * b[i];
        blue[i] = (b[i] - luma[i]) / kBlueDivisor;
        red[i] = (r[i] - luma[i]) / kRedDivisor;
      }
      halve(blue, width, half_blue);
      halve(red, width, half_red);
    };
    const auto write = [&](std::size_t line) {
      std::uint16_t* out = y + line * width;
      for (std::size_t i = 0; i < width; ++i) out[i] = code(luma[i], 876.0f, 64.0f);
    };

    if (begin > 0) row(2 * begin - 1, blue_above, red_above);
    for (std::size_t pair = begin; pair < end; ++pair) {
      const std::size_t line = 2 * pair;
      row(line, blue_here, red_here);
      write(line);
      if (pair == 0) {
        blue_above = blue_here;
        red_above = red_here;
      }
      if (line + 1 < height) {
        row(line + 1, blue_below, red_below);
        write(line + 1);
      } else {
        blue_below = blue_here;
        red_below = red_here;
      }
      std::uint16_t *cb_row = cb + pair * half_width, *cr_row = cr + pair * half_width;
      for (std::size_t i = 0; i < half_width; ++i) {
        cb_row[i] = code(0.5f * blue_here[i] + 0.25f * (blue_above[i] + blue_below[i]), 896.0f, 512.0f);
        cr_row[i] = code(0.5f * red_here[i] + 0.25f * (red_above[i] + red_below[i]), 896.0f, 512.0f);
      }
      std::swap(blue_above, blue_below);
      std::swap(red_above, red_below);
    }
  });
}

}  // namespace lumaflux
