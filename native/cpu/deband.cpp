// Three passes over the rows of each plane:
//   1. a guided filter of radius 4 at full size                      sdr -> out
//   2. its means on rows of 4x4 blocks, the lines of radius 4 there  out -> slope, level (1/16 of the pixels)
//   3. the lines stretched to full size, as far as the source has no texture   sdr, out, slope, level -> out
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
constexpr int kRadius = 4, kTextureRadius = 3;
constexpr std::size_t kFactor = 4;

// Sums of `radius` neighbours on either side; `padded` is a buffer of width + 2 * radius.
LUMAFLUX_INLINE void sum_across(const float* row, std::size_t width, int radius, float* padded, float* out) {
  const std::size_t reach = static_cast<std::size_t>(radius);
  for (std::size_t i = 0; i < reach; ++i) padded[i] = row[0], padded[reach + width + i] = row[width - 1];
  std::memcpy(padded + reach, row, width * sizeof(float));
  if (radius == kRadius) {  // a constant number of taps becomes vector code
    for (std::size_t i = 0; i < width; ++i) {
      float sum = padded[i];
      for (std::size_t j = 1; j <= 2 * kRadius; ++j) sum += padded[i + j];
      out[i] = sum;
    }
    return;
  }
  for (std::size_t i = 0; i < width; ++i) {
    float sum = 0.0f;
    for (std::size_t j = 0; j <= 2 * reach; ++j) sum += padded[i + j];
    out[i] = sum;
  }
}

LUMAFLUX_DISPATCH void sums_row(const float* row, std::size_t width, int radius, float* padded, float* squares, float* out) {
  for (std::size_t i = 0; i < width; ++i) squares[i] = row[i] * row[i];
  sum_across(row, width, radius, padded, out);
  sum_across(squares, width, radius, padded, out + width);
}

// Sums of rows. A constant number of them becomes vector code without a round trip through memory.
LUMAFLUX_INLINE void sum_down(const float* const* rows, int count, std::size_t width, float* out) {
  if (count == 2 * kRadius + 1) {
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4], *f = rows[5], *g = rows[6], *h = rows[7],
                *k = rows[8];
#pragma GCC ivdep
    for (std::size_t i = 0; i < width; ++i) out[i] = a[i] + b[i] + c[i] + d[i] + e[i] + f[i] + g[i] + h[i] + k[i];
    return;
  }
  std::memcpy(out, rows[0], width * sizeof(float));
  for (int j = 1; j < count; ++j) {
    for (std::size_t i = 0; i < width; ++i) out[i] += rows[j][i];
  }
}

// Line of each pixel from the sums of its neighbourhood, and those lines summed across. `sum`: a buffer of 2 * width.
LUMAFLUX_DISPATCH void lines_row(const float* const* sums, int rows, float count, std::size_t width, int radius, float* padded,
                                 float* sum, float* slope, float* level, float* out) {
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

LUMAFLUX_DISPATCH void near_row(const float* row, const float* lines, std::size_t width, float* out) {
  for (std::size_t i = 0; i < width; ++i) {
    const float smooth = lines[i] * row[i] + lines[width + i];
    out[i] = row[i] + between(smooth - row[i], -kHalfCode, kHalfCode);
  }
}

// The lines of a guided filter over one plane: emit(row, lines) gets slope and level, width each, of every row in turn.
template <class Emit>
void guided(const float* plane, std::size_t width, std::size_t height, std::size_t begin, std::size_t end, const Emit& emit) {
  const int across = std::min<int>(kRadius, static_cast<int>(width) - 1), down = std::min<int>(kRadius, static_cast<int>(height) - 1);
  const int window = 2 * down + 1;
  const float count = static_cast<float>(window * (2 * across + 1));
  const auto kept = static_cast<std::size_t>(window), rows = height;
  std::vector<float> padded(width + 2 * kRadius), sum(2 * width), slope(width), level(width), lines(2 * width);
  Rows sums(kept, 2 * width, static_cast<std::ptrdiff_t>(rows), [&](std::ptrdiff_t row, float* out) {
    sums_row(plane + static_cast<std::size_t>(row) * width, width, across, padded.data(), slope.data(), out);
  });
  const float* seen[2 * kRadius + 1];
  Rows summed_lines(kept, 2 * width, static_cast<std::ptrdiff_t>(rows), [&](std::ptrdiff_t row, float* out) {
    for (int j = -down; j <= down; ++j) seen[j + down] = sums[row + j];
    lines_row(seen, window, count, width, across, padded.data(), sum.data(), slope.data(), level.data(), out);
  });
  const float* found[2 * kRadius + 1];
  for (std::size_t y = begin; y < end; ++y) {
    for (int j = -down; j <= down; ++j) found[j + down] = summed_lines[static_cast<std::ptrdiff_t>(y) + j];
    mean_row(found, window, count, 2 * width, lines.data());
    emit(y, lines.data());
  }
}

// Largest and smallest of the columns around, both from one row.
LUMAFLUX_DISPATCH void range_row(const float* row, std::size_t width, float* padded, float* out) {
  constexpr std::size_t reach = kTextureRadius;
  for (std::size_t i = 0; i < reach; ++i) padded[i] = row[0], padded[reach + width + i] = row[width - 1];
  std::memcpy(padded + reach, row, width * sizeof(float));
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    float high = padded[i], low = padded[i];
    for (std::size_t j = 1; j <= 2 * kTextureRadius; ++j) high = larger(high, padded[i + j]), low = smaller(low, padded[i + j]);
    out[i] = high;
    out[width + i] = low;
  }
}

LUMAFLUX_DISPATCH void spread_row(const float* const* ranges, std::size_t width, float* most) {
  static_assert(kTextureRadius == 3);
  const float *a = ranges[0], *b = ranges[1], *c = ranges[2], *d = ranges[3], *e = ranges[4], *f = ranges[5], *g = ranges[6];
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t k = width + i;
    const float high = larger(larger(larger(a[i], b[i]), larger(c[i], d[i])), larger(larger(e[i], f[i]), g[i]));
    const float low = smaller(smaller(smaller(a[k], b[k]), smaller(c[k], d[k])), smaller(smaller(e[k], f[k]), g[k]));
    most[i] = larger(most[i], high - low);
  }
}

LUMAFLUX_DISPATCH void blend_row(const float* sdr, const float* above, const float* below, float down, const float* most,
                                 std::size_t width, float* out) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float slope = above[i] + down * (below[i] - above[i]);
    const float level = above[width + i] + down * (below[width + i] - above[width + i]);
    const float smooth = slope * out[i] + level;
    const float near = sdr[i] + between(smooth - sdr[i], -kHalfCode, kHalfCode);
    const float share = between((kTextureCodes - 255.0f * most[i]) / (kTextureCodes - kSmoothCodes), 0.0f, 1.0f);
    out[i] = sdr[i] + share * (near - sdr[i]);
  }
}

// Means of blocks of a plane whose borders repeat up to whole blocks.
void reduce(const float* plane, std::size_t width, std::size_t height, std::size_t begin, std::size_t end, float* out) {
  const std::size_t columns = (width + kFactor - 1) / kFactor;
  for (std::size_t y = begin; y < end; ++y) {
    float* to = out + y * columns;
    std::fill(to, to + columns, 0.0f);
    for (std::size_t j = 0; j < kFactor; ++j) {
      const float* row = plane + std::min(y * kFactor + j, height - 1) * width;
      for (std::size_t i = 0; i < columns; ++i) {
        for (std::size_t k = 0; k < kFactor; ++k) to[i] += row[std::min(i * kFactor + k, width - 1)];
      }
    }
    for (std::size_t i = 0; i < columns; ++i) to[i] /= static_cast<float>(kFactor * kFactor);
  }
}

struct Position {
  std::size_t index, next;
  float share;
};

Position position_of(std::size_t i, std::size_t low) {
  const float x = std::max(0.0f, (static_cast<float>(i) + 0.5f) / static_cast<float>(kFactor) - 0.5f);
  const std::size_t index = std::min(static_cast<std::size_t>(x), low - 1);
  return {index, std::min(index + 1, low - 1), std::min(x - static_cast<float>(index), 1.0f)};
}

}  // namespace

void deband(const float* sdr, std::size_t width, std::size_t height, float* out, unsigned threads) {
  const std::size_t plane = width * height;
  const std::size_t columns = (width + kFactor - 1) / kFactor, rows = (height + kFactor - 1) / kFactor, low = columns * rows;
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const float* from = sdr + channel * plane;
      float* to = out + channel * plane;
      guided(from, width, height, begin, end,
             [&](std::size_t y, const float* lines) { near_row(from + y * width, lines, width, to + y * width); });
    }
  });
  std::vector<float> blocks(3 * low), lines(6 * low);  // slope and level of a channel side by side, row by row
  over_rows(rows, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t c = 0; c < 3; ++c) reduce(out + c * plane, width, height, begin, end, blocks.data() + c * low);
  });
  over_rows(rows, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t c = 0; c < 3; ++c) {
      float* to = lines.data() + 2 * c * low;
      guided(blocks.data() + c * low, columns, rows, begin, end, [&](std::size_t y, const float* found) {
        std::memcpy(to + 2 * y * columns, found, 2 * columns * sizeof(float));
      });
    }
  });

  std::vector<Position> across(width);
  for (std::size_t i = 0; i < width; ++i) across[i] = position_of(i, columns);
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> padded(width + 2 * kTextureRadius), most(width);
    const auto ranges_of = [&](std::size_t c) {
      return [&, c](std::ptrdiff_t row, float* to) {
        range_row(sdr + c * plane + static_cast<std::size_t>(row) * width, width, padded.data(), to);
      };
    };
    const auto stretched = [&](std::size_t c) {
      return [&, c](std::ptrdiff_t row, float* to) {
        const float* from = lines.data() + 2 * c * low + 2 * static_cast<std::size_t>(row) * columns;
        for (std::size_t part = 0; part < 2; ++part, from += columns, to += width) {
          for (std::size_t i = 0; i < width; ++i) {
            to[i] = from[across[i].index] + across[i].share * (from[across[i].next] - from[across[i].index]);
          }
        }
      };
    };
    using Ranges = Rows<decltype(ranges_of(0))>;
    using Lines = Rows<decltype(stretched(0))>;
    std::vector<Ranges> ranges;
    std::vector<Lines> found;
    for (std::size_t c = 0; c < 3; ++c) {
      ranges.emplace_back(std::size_t{2 * kTextureRadius + 1}, 2 * width, static_cast<std::ptrdiff_t>(height), ranges_of(c));
      found.emplace_back(std::size_t{3}, 2 * width, static_cast<std::ptrdiff_t>(rows), stretched(c));
    }
    for (std::size_t y = begin; y < end; ++y) {
      std::fill(most.begin(), most.end(), 0.0f);
      for (std::size_t c = 0; c < 3; ++c) {
        const float* seen[2 * kTextureRadius + 1];
        for (int j = 0; j <= 2 * kTextureRadius; ++j) seen[j] = ranges[c][static_cast<std::ptrdiff_t>(y) + j - kTextureRadius];
        spread_row(seen, width, most.data());
      }
      const Position where = position_of(y, rows);
      for (std::size_t c = 0; c < 3; ++c) {
        const float* above = found[c][static_cast<std::ptrdiff_t>(where.index)];
        const float* below = found[c][static_cast<std::ptrdiff_t>(where.next)];
        const std::size_t start = c * plane + y * width;
        blend_row(sdr + start, above, below, where.share, most.data(), width, out + start);
      }
    }
  });
}

}  // namespace lumaflux
