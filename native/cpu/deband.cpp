// Two guided filters, whose lines are found on means of blocks and stretched to full size:
//   1. on blocks of 2x2, with radius 2                sdr -> lines
//   2. the picture that these lines give              sdr, lines -> out
//   3. on blocks of 4x4, with radius 4                out -> lines
//   4. theirs, as far as the source has no texture    sdr, out, lines -> out
// Both filters move a pixel by half a code at most.
#include "cpu/deband.h"

#include <cmath>
#include <vector>

#include "cpu/light.h"
#include "cpu/rows.h"

namespace lumaflux {
namespace {

constexpr float kHalfCode = 0.5f / 255.0f;
constexpr float kStepVariance = (1.5f / 255.0f) * (1.5f / 255.0f);
constexpr float kSmoothCodes = 1.5f, kTextureCodes = 3.5f;
constexpr int kTextureRadius = 3, kLargestRadius = 4;

struct Filter {
  std::size_t factor;  // pixels a side of a block, 2 or 4
  int radius;          // blocks, 2 or 4
};
constexpr Filter kFilters[] = {{2, 2}, {4, 4}};

// Constant numbers of taps, rows and pixels become vector code.
template <std::size_t taps>
LUMAFLUX_INLINE void sum_taps(const float* padded, std::size_t width, float* out) {
  for (std::size_t i = 0; i < width; ++i) {
    float sum = padded[i];
    for (std::size_t j = 1; j < taps; ++j) sum += padded[i + j];
    out[i] = sum;
  }
}

// Sums of `radius` neighbours on either side; `padded` is a buffer of width + 2 * radius.
LUMAFLUX_INLINE void sum_across(const float* row, std::size_t width, int radius, float* padded, float* out) {
  const std::size_t reach = static_cast<std::size_t>(radius);
  for (std::size_t i = 0; i < reach; ++i) padded[i] = row[0], padded[reach + width + i] = row[width - 1];
  std::memcpy(padded + reach, row, width * sizeof(float));
  if (radius == 4) return sum_taps<9>(padded, width, out);
  if (radius == 2) return sum_taps<5>(padded, width, out);
  for (std::size_t i = 0; i < width; ++i) {
    float sum = 0.0f;
    for (std::size_t j = 0; j <= 2 * reach; ++j) sum += padded[i + j];
    out[i] = sum;
  }
}

LUMAFLUX_DISPATCH void sums_row(const float* row, std::size_t width, int radius, float* padded, float* squares,
                                float* out) {
  for (std::size_t i = 0; i < width; ++i) squares[i] = row[i] * row[i];
  sum_across(row, width, radius, padded, out);
  sum_across(squares, width, radius, padded, out + width);
}

LUMAFLUX_INLINE void sum_down(const float* const* rows, int count, std::size_t width, float* out) {
  if (count == 9) {
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4], *f = rows[5], *g = rows[6],
                *h = rows[7], *k = rows[8];
#pragma GCC ivdep
    for (std::size_t i = 0; i < width; ++i) out[i] = a[i] + b[i] + c[i] + d[i] + e[i] + f[i] + g[i] + h[i] + k[i];
    return;
  }
  if (count == 5) {
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4];
#pragma GCC ivdep
    for (std::size_t i = 0; i < width; ++i) out[i] = a[i] + b[i] + c[i] + d[i] + e[i];
    return;
  }
  std::memcpy(out, rows[0], width * sizeof(float));
  for (int j = 1; j < count; ++j) {
    for (std::size_t i = 0; i < width; ++i) out[i] += rows[j][i];
  }
}

// Line of each block from the sums of its neighbourhood, and those lines summed across. `sum`: a buffer of 2 * width.
LUMAFLUX_DISPATCH void lines_row(const float* const* sums, int rows, float count, std::size_t width, int radius,
                                 float* padded, float* sum, float* slope, float* level, float* out) {
  sum_down(sums, rows, 2 * width, sum);
  const float share = 1.0f / count;
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float mean = sum[i] * share, variance = larger(sum[width + i] * share - mean * mean, 0.0f);
    const float s = variance / (variance + kStepVariance);
    slope[i] = s;
    level[i] = mean * (1.0f - s);
  }
  sum_across(slope, width, radius, padded, out);
  sum_across(level, width, radius, padded, out + width);
}

LUMAFLUX_DISPATCH void mean_row(const float* const* sums, int rows, float count, std::size_t width, float* out) {
  sum_down(sums, rows, width, out);
  const float share = 1.0f / count;
  for (std::size_t i = 0; i < width; ++i) out[i] *= share;
}

template <std::size_t factor>
LUMAFLUX_INLINE void average(const float* tall, std::size_t columns, float* out) {
  for (std::size_t i = 0; i < columns; ++i) {
    float sum = tall[factor * i];
    for (std::size_t k = 1; k < factor; ++k) sum += tall[factor * i + k];
    out[i] = sum * (1.0f / static_cast<float>(factor * factor));
  }
}

// Means of blocks: one row of them. Borders repeat up to whole blocks; `tall`: a buffer of columns * factor.
LUMAFLUX_DISPATCH void blocks_row(const float* const* rows, std::size_t factor, std::size_t width, std::size_t columns,
                                  float* tall, float* out) {
  for (std::size_t i = 0; i < width; ++i) tall[i] = rows[0][i] + rows[1][i];
  if (factor == 4) {
    for (std::size_t i = 0; i < width; ++i) tall[i] += rows[2][i] + rows[3][i];
  }
  for (std::size_t i = width; i < columns * factor; ++i) tall[i] = tall[width - 1];
  if (factor == 4) return average<4>(tall, columns, out);
  average<2>(tall, columns, out);
}

// A row of blocks stretched to their pixels. `padded`: a buffer of columns + 2.
LUMAFLUX_DISPATCH void stretch_row(const float* row, std::size_t factor, std::size_t columns, float* padded,
                                   float* out) {
  padded[0] = row[0], padded[columns + 1] = row[columns - 1];
  std::memcpy(padded + 1, row, columns * sizeof(float));
  const float *left = padded, *here = padded + 1, *right = padded + 2;
  if (factor == 4) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < columns; ++i) {
      const float before = left[i] - here[i], after = right[i] - here[i];
      out[4 * i] = here[i] + 0.375f * before;
      out[4 * i + 1] = here[i] + 0.125f * before;
      out[4 * i + 2] = here[i] + 0.125f * after;
      out[4 * i + 3] = here[i] + 0.375f * after;
    }
    return;
  }
#pragma GCC ivdep
  for (std::size_t i = 0; i < columns; ++i) {
    out[2 * i] = here[i] + 0.25f * (left[i] - here[i]);
    out[2 * i + 1] = here[i] + 0.25f * (right[i] - here[i]);
  }
}

// Slope and level of every block of a plane: two rows of `lines` for each row of blocks.
struct Lines {
  Lines(Filter by, std::size_t width, std::size_t height)
      : filter(by),
        columns((width + by.factor - 1) / by.factor),
        rows((height + by.factor - 1) / by.factor),
        lines(2 * columns * rows) {}

  void find(const float* plane, std::size_t width, std::size_t height, std::size_t begin, std::size_t end) {
    const int across = std::min<int>(filter.radius, static_cast<int>(columns) - 1);
    const int down = std::min<int>(filter.radius, static_cast<int>(rows) - 1), window = 2 * down + 1;
    const float count = static_cast<float>(window * (2 * across + 1));
    const auto kept = static_cast<std::size_t>(window);
    std::vector<float> padded(columns + 2 * kLargestRadius), tall(columns * filter.factor), block(columns),
        sum(2 * columns), slope(columns), level(columns);
    Rows sums(kept, 2 * columns, static_cast<std::ptrdiff_t>(rows), [&](std::ptrdiff_t row, float* out) {
      const float* pixels[4];
      for (std::size_t j = 0; j < filter.factor; ++j) {
        pixels[j] = plane + std::min(static_cast<std::size_t>(row) * filter.factor + j, height - 1) * width;
      }
      blocks_row(pixels, filter.factor, width, columns, tall.data(), block.data());
      sums_row(block.data(), columns, across, padded.data(), slope.data(), out);
    });
    const float* seen[2 * kLargestRadius + 1];
    Rows summed_lines(kept, 2 * columns, static_cast<std::ptrdiff_t>(rows), [&](std::ptrdiff_t row, float* out) {
      for (int j = -down; j <= down; ++j) seen[j + down] = sums[row + j];
      lines_row(seen, window, count, columns, across, padded.data(), sum.data(), slope.data(), level.data(), out);
    });
    const float* found[2 * kLargestRadius + 1];
    for (std::size_t y = begin; y < end; ++y) {
      for (int j = -down; j <= down; ++j) found[j + down] = summed_lines[static_cast<std::ptrdiff_t>(y) + j];
      mean_row(found, window, count, 2 * columns, lines.data() + 2 * y * columns);
    }
  }

  // Rows of these lines, slope and level one after the other, as wide as the plane or a little more.
  auto stretched() const {
    const std::size_t wide = columns * filter.factor;
    return Rows(3, 2 * wide, static_cast<std::ptrdiff_t>(rows),
                [this, wide, padded = std::vector<float>(columns + 2)](std::ptrdiff_t row, float* to) mutable {
                  const float* from = lines.data() + 2 * static_cast<std::size_t>(row) * columns;
                  stretch_row(from, filter.factor, columns, padded.data(), to);
                  stretch_row(from + columns, filter.factor, columns, padded.data(), to + wide);
                });
  }

  Filter filter;
  std::size_t columns, rows;
  std::vector<float> lines;
};

// Between which rows of blocks row y of the plane lies, and how far it is towards the second.
struct LinePosition {
  std::ptrdiff_t index;
  float share;
};

LinePosition line_position(std::size_t y, const Lines& lines) {
  const float at = std::max(0.0f, (static_cast<float>(y) + 0.5f) / static_cast<float>(lines.filter.factor) - 0.5f);
  const auto index = std::min(static_cast<std::ptrdiff_t>(at), static_cast<std::ptrdiff_t>(lines.rows) - 1);
  return {index, std::min(at - static_cast<float>(index), 1.0f)};
}

// `picture` by lines between those of two rows, at most half a code from the source.
LUMAFLUX_INLINE float by_lines(float picture, float sdr, const float* above, const float* below, float share,
                               std::size_t level, std::size_t i) {
  const float slope = above[i] + share * (below[i] - above[i]);
  const float offset = above[level + i] + share * (below[level + i] - above[level + i]);
  return sdr + between(slope * picture + offset - sdr, -kHalfCode, kHalfCode);
}

LUMAFLUX_DISPATCH void near_row(const float* sdr, const float* above, const float* below, float share,
                                std::size_t level, std::size_t width, float* out) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) out[i] = by_lines(sdr[i], sdr[i], above, below, share, level, i);
}

// Largest and smallest of the columns around, both from one row.
LUMAFLUX_DISPATCH void range_row(const float* row, std::size_t width, float* padded, float* out) {
  constexpr std::size_t reach = kTextureRadius;
  for (std::size_t i = 0; i < reach; ++i) padded[i] = row[0], padded[reach + width + i] = row[width - 1];
  std::memcpy(padded + reach, row, width * sizeof(float));
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    float high = padded[i], low = padded[i];
    for (std::size_t j = 1; j <= 2 * kTextureRadius; ++j)
      high = larger(high, padded[i + j]), low = smaller(low, padded[i + j]);
    out[i] = high;
    out[width + i] = low;
  }
}

LUMAFLUX_DISPATCH void spread_row(const float* const* ranges, std::size_t width, float* most) {
  static_assert(kTextureRadius == 3);
  const float *a = ranges[0], *b = ranges[1], *c = ranges[2], *d = ranges[3], *e = ranges[4], *f = ranges[5],
              *g = ranges[6];
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t k = width + i;
    const float high = larger(larger(larger(a[i], b[i]), larger(c[i], d[i])), larger(larger(e[i], f[i]), g[i]));
    const float low = smaller(smaller(smaller(a[k], b[k]), smaller(c[k], d[k])), smaller(smaller(e[k], f[k]), g[k]));
    most[i] = larger(most[i], high - low);
  }
}

LUMAFLUX_DISPATCH void blend_row(const float* sdr, const float* above, const float* below, float down,
                                 std::size_t level, const float* most, std::size_t width, float* out) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float near = by_lines(out[i], sdr[i], above, below, down, level, i);
    const float share = between((kTextureCodes - 255.0f * most[i]) / (kTextureCodes - kSmoothCodes), 0.0f, 1.0f);
    out[i] = sdr[i] + share * (near - sdr[i]);
  }
}

}  // namespace

void deband(const float* sdr, std::size_t width, std::size_t height, float* out, unsigned threads,
            std::size_t channels) {
  const std::size_t plane = width * height;
  std::vector<Lines> fine(channels, Lines(kFilters[0], width, height)),
      coarse(channels, Lines(kFilters[1], width, height));
  const auto find = [&](std::vector<Lines>& lines, const float* picture) {
    over_rows(lines[0].rows, threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t c = 0; c < channels; ++c) lines[c].find(picture + c * plane, width, height, begin, end);
    });
  };

  find(fine, sdr);
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t c = 0; c < channels; ++c) {
      auto rows = fine[c].stretched();
      for (std::size_t y = begin; y < end; ++y) {
        const LinePosition where = line_position(y, fine[c]);
        const float *above = rows[where.index], *below = rows[where.index + 1];
        const std::size_t start = c * plane + y * width, level = fine[c].columns * fine[c].filter.factor;
        near_row(sdr + start, above, below, where.share, level, width, out + start);
      }
    }
  });
  find(coarse, out);
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> padded(width + 2 * kTextureRadius), most(width);
    const auto ranges_of = [&](std::size_t c) {
      return Rows(std::size_t{2 * kTextureRadius + 1}, 2 * width, static_cast<std::ptrdiff_t>(height),
                  [&, c](std::ptrdiff_t row, float* to) {
                    range_row(sdr + c * plane + static_cast<std::size_t>(row) * width, width, padded.data(), to);
                  });
    };
    std::vector<decltype(ranges_of(0))> ranges;
    std::vector<decltype(coarse[0].stretched())> lines;
    for (std::size_t c = 0; c < channels; ++c) {
      ranges.push_back(ranges_of(c));
      lines.push_back(coarse[c].stretched());
    }
    for (std::size_t y = begin; y < end; ++y) {
      std::fill(most.begin(), most.end(), 0.0f);
      for (std::size_t c = 0; c < channels; ++c) {
        const float* seen[2 * kTextureRadius + 1];
        for (int j = 0; j <= 2 * kTextureRadius; ++j)
          seen[j] = ranges[c][static_cast<std::ptrdiff_t>(y) + j - kTextureRadius];
        spread_row(seen, width, most.data());
      }
      const LinePosition where = line_position(y, coarse[0]);
      for (std::size_t c = 0; c < channels; ++c) {
        const float *above = lines[c][where.index], *below = lines[c][where.index + 1];
        const std::size_t start = c * plane + y * width, level = coarse[c].columns * coarse[c].filter.factor;
        blend_row(sdr + start, above, below, where.share, level, most.data(), width, out + start);
      }
    }
  });
}

}  // namespace lumaflux
