// Rows are added up for each row of the small picture, then columns. Chroma lies amidst its pixels: where its samples
// do not, their weights are moved towards the next ones by a quarter.
#include "cpu/reduced_codes.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cpu/light.h"
#include "cpu/yuv_rows.h"

namespace lumaflux {
namespace {

// What of a line of samples a sample of the reduced line is made of.
struct Taps {
  std::size_t first;
  std::vector<float> weights;
};

std::vector<Taps> triangles(std::size_t from, std::size_t to, bool towards_next) {
  const double step = static_cast<double>(from) / static_cast<double>(to), reach = std::max(step, 1.0);
  std::vector<Taps> all(to);
  for (std::size_t i = 0; i < to; ++i) {
    const double centre = step * (static_cast<double>(i) + 0.5);
    const auto first = static_cast<std::size_t>(std::max(centre - reach + 0.5, 0.0));
    const auto end = std::min(static_cast<std::size_t>(centre + reach + 0.5), from);
    std::vector<double> weights;
    double sum = 0.0;
    for (std::size_t j = first; j < end; ++j) {
      weights.push_back(std::max(0.0, 1.0 - std::fabs(static_cast<double>(j) + 0.5 - centre) / reach));
      sum += weights.back();
    }
    if (towards_next) {
      weights.push_back(0.0);
      for (std::size_t j = weights.size() - 1; j > 0; --j) weights[j] = 0.75 * weights[j] + 0.25 * weights[j - 1];
      weights[0] *= 0.75;
      if (end == from) {  // the last one repeats
        weights[weights.size() - 2] += weights.back();
        weights.pop_back();
      }
    }
    all[i].first = first;
    for (const double weight : weights) all[i].weights.push_back(static_cast<float>(weight / sum));
  }
  return all;
}

template <class Sample>
LUMAFLUX_INLINE float limited(Sample sample, Sample low, Sample high) {
  return static_cast<float>(std::min(std::max(sample, low), high));
}

// Four rows at a time, weighted, onto `sum`.
template <class Sample>
LUMAFLUX_INLINE void add_rows(const Sample* a, const Sample* b, const Sample* c, const Sample* d, const float* weights,
                              Sample low, Sample high, std::size_t width, float* sum) {
  const float wa = weights[0], wb = weights[1], wc = weights[2], wd = weights[3];
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    sum[i] += (wa * limited(a[i], low, high) + wb * limited(b[i], low, high)) +
              (wc * limited(c[i], low, high) + wd * limited(d[i], low, high));
  }
}

LUMAFLUX_DISPATCH void add_codes(const std::uint8_t* const* rows, const float* weights, std::uint8_t low,
                                 std::uint8_t high, std::size_t width, float* sum) {
  add_rows(rows[0], rows[1], rows[2], rows[3], weights, low, high, width, sum);
}

LUMAFLUX_DISPATCH void add_across(const float* line, const std::vector<Taps>& taps, float offset, float share,
                                  float* out) {
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const float *at = line + taps[i].first, *weights = taps[i].weights.data();
    const std::size_t count = taps[i].weights.size(), whole = count / 4 * 4;
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (std::size_t j = 0; j < whole; j += 4) {
      for (std::size_t k = 0; k < 4; ++k) sums[k] += weights[j + k] * at[j + k];
    }
    float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (std::size_t j = whole; j < count; ++j) sum += weights[j] * at[j];
    out[i] = (sum - offset) * share;
  }
}

// A plane of codes, none below `low` or above `high`, as signals.
void reduce_plane(const std::uint8_t* codes, std::size_t row, std::size_t width, const std::vector<Taps>& down,
                  const std::vector<Taps>& across, std::uint8_t low, std::uint8_t high, float offset, float scale,
                  float* out) {
  std::vector<float> line(width);
  for (std::size_t o = 0; o < down.size(); ++o) {
    const Taps& taps = down[o];
    std::fill(line.begin(), line.end(), 0.0f);
    for (std::size_t j = 0; j < taps.weights.size(); j += 4) {
      const std::uint8_t* rows[4];
      float weights[4];
      for (std::size_t k = 0; k < 4; ++k) {
        const bool there = j + k < taps.weights.size();
        rows[k] = codes + (taps.first + (there ? j + k : j)) * row;
        weights[k] = there ? taps.weights[j + k] : 0.0f;
      }
      add_codes(rows, weights, low, high, width, line.data());
    }
    add_across(line.data(), across, offset, 1.0f / scale, out + o * across.size());
  }
}

LUMAFLUX_DISPATCH void add_clipped(const float* r, const float* g, const float* b, std::size_t width, float clipped,
                                   float weight, float* sum) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) sum[i] += larger(larger(r[i], g[i]), b[i]) >= clipped ? weight : 0.0f;
}

}  // namespace

void reduced_ycbcr(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                   const YuvCoding& coding, std::size_t rows, std::size_t columns, float* out) {
  const std::size_t half_height = (height + 1) / 2, half_width = (width + 1) / 2, plane = rows * columns;
  const auto low = static_cast<std::uint8_t>(coding.luma_offset),
             high = static_cast<std::uint8_t>(coding.luma_offset + coding.luma_scale);
  reduce_plane(planes.y, planes.y_row, width, triangles(height, rows, false), triangles(width, columns, false), low,
               high, coding.luma_offset, coding.luma_scale, out);
  const std::vector<Taps> down = triangles(half_height, rows, !coding.midway),
                          across = triangles(half_width, columns, true);
  reduce_plane(planes.cb, planes.cb_row, half_width, down, across, 0, 255, coding.chroma_offset, coding.chroma_scale,
               out + plane);
  reduce_plane(planes.cr, planes.cr_row, half_width, down, across, 0, 255, coding.chroma_offset, coding.chroma_scale,
               out + 2 * plane);
}

void reduced_clipping(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                      const YuvCoding& coding, float clipped, std::size_t rows, std::size_t columns, float* out) {
  const std::vector<Taps> down = triangles(height, rows, false), across = triangles(width, columns, false);
  YuvRows<std::uint8_t> source(planes, height, width, coding);
  std::vector<float> rgb(3 * width), sums(rows * width, 0.0f);
  float *r = rgb.data(), *g = r + width, *b = g + width;
  std::vector<std::vector<std::pair<std::size_t, float>>> into(height);
  for (std::size_t o = 0; o < rows; ++o) {
    for (std::size_t j = 0; j < down[o].weights.size(); ++j)
      into[down[o].first + j].emplace_back(o, down[o].weights[j]);
  }
  for (std::size_t line = 0; line < height; ++line) {
    source.rgb(line, r, g, b);
    for (const auto& [o, weight] : into[line]) add_clipped(r, g, b, width, clipped, weight, sums.data() + o * width);
  }
  for (std::size_t o = 0; o < rows; ++o) add_across(sums.data() + o * width, across, 0.0f, 1.0f, out + o * columns);
}

}  // namespace lumaflux
