// Two guided filters, whose lines are found on means of blocks and stretched to full size:
//   1. on blocks of 2x2, with radius 2                sdr -> lines
//   2. the picture that these lines give              sdr, lines -> out
//   3. on blocks of 4x4, with radius 4                out -> lines
//   4. theirs, as far as the source has no texture    sdr, out, lines -> out
// Both filters move a pixel by half a code at most. Rows pass all four steps while they are in cache: of a plane the
// last 48 rows of 2 are kept, which 3 takes its blocks from and 4 begins with, and fewer of all else.
#include "cpu/deband.h"

#include <cmath>
#include <functional>
#include <memory>
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

using MakeRow = std::function<void(std::ptrdiff_t, float*)>;
using RowsOf = Rows<MakeRow>;

// Slope and level of the blocks of a picture, row by row.
class Lines {
 public:
  // picture(row): the pixels of a row, valid until `factor` more have been asked for.
  Lines(Filter by, std::size_t width, std::size_t height, std::function<const float*(std::ptrdiff_t)> picture)
      : factor_(by.factor),
        width_(width),
        columns_((width + by.factor - 1) / by.factor),
        rows_((height + by.factor - 1) / by.factor),
        height_(height),
        across_(std::min<int>(by.radius, static_cast<int>(columns_) - 1)),
        down_(std::min<int>(by.radius, static_cast<int>(rows_) - 1)),
        count_(static_cast<float>(window() * (2 * across_ + 1))),
        picture_(std::move(picture)),
        padded_(columns_ + 2 * kLargestRadius),
        tall_(columns_ * factor_),
        sum_(2 * columns_),
        slope_(columns_),
        level_(columns_),
        sums_(kept(), 2 * columns_, last(), [this](std::ptrdiff_t row, float* out) { sums(row, out); }),
        lines_(kept(), 2 * columns_, last(), [this](std::ptrdiff_t row, float* out) { lines(row, out); }),
        stretched_(3, 2 * wide(), last(), [this](std::ptrdiff_t row, float* out) { stretched(row, out); }) {}

  Lines(const Lines&) = delete;

  // How wide the two parts of a row are, slope and level: as the plane, or a little more.
  std::size_t wide() const { return columns_ * factor_; }

  // Rows of lines above and below row y of the plane, and how far it is towards the second.
  struct Around {
    const float *above, *below;
    float share;
  };
  Around around(std::size_t y) {
    const float at = std::max(0.0f, (static_cast<float>(y) + 0.5f) / static_cast<float>(factor_) - 0.5f);
    const auto index = std::min(static_cast<std::ptrdiff_t>(at), last() - 1);
    return {stretched_[index], stretched_[index + 1], std::min(at - static_cast<float>(index), 1.0f)};
  }

 private:
  int window() const { return 2 * down_ + 1; }
  std::size_t kept() const { return static_cast<std::size_t>(window()); }
  std::ptrdiff_t last() const { return static_cast<std::ptrdiff_t>(rows_); }

  void sums(std::ptrdiff_t row, float* out) {
    const float* pixels[4];
    for (std::size_t j = 0; j < factor_; ++j) {
      pixels[j] =
          picture_(static_cast<std::ptrdiff_t>(std::min(static_cast<std::size_t>(row) * factor_ + j, height_ - 1)));
    }
    blocks_row(pixels, factor_, width_, columns_, tall_.data(), level_.data());
    sums_row(level_.data(), columns_, across_, padded_.data(), slope_.data(), out);
  }

  void lines(std::ptrdiff_t row, float* out) {
    const float* seen[2 * kLargestRadius + 1];
    for (int j = -down_; j <= down_; ++j) seen[j + down_] = sums_[row + j];
    lines_row(seen, window(), count_, columns_, across_, padded_.data(), sum_.data(), slope_.data(), level_.data(),
              out);
  }

  void stretched(std::ptrdiff_t row, float* out) {
    const float* found[2 * kLargestRadius + 1];
    for (int j = -down_; j <= down_; ++j) found[j + down_] = lines_[row + j];
    mean_row(found, window(), count_, 2 * columns_, sum_.data());
    stretch_row(sum_.data(), factor_, columns_, padded_.data(), out);
    stretch_row(sum_.data() + columns_, factor_, columns_, padded_.data(), out + wide());
  }

  std::size_t factor_, width_, columns_, rows_, height_;
  int across_, down_;
  float count_;
  std::function<const float*(std::ptrdiff_t)> picture_;
  std::vector<float> padded_, tall_, sum_, slope_, level_;
  RowsOf sums_, lines_, stretched_;
};

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

// The same of codes.
LUMAFLUX_DISPATCH void code_range_row(const std::uint8_t* row, std::size_t width, std::uint8_t* padded,
                                      std::uint8_t* out) {
  constexpr std::size_t reach = kTextureRadius;
  for (std::size_t i = 0; i < reach; ++i) padded[i] = row[0], padded[reach + width + i] = row[width - 1];
  std::memcpy(padded + reach, row, width);
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    std::uint8_t high = padded[i], low = padded[i];
    for (std::size_t j = 1; j <= 2 * kTextureRadius; ++j)
      high = std::max(high, padded[i + j]), low = std::min(low, padded[i + j]);
    out[i] = high;
    out[width + i] = low;
  }
}

LUMAFLUX_DISPATCH void code_spread_row(const std::uint8_t* const* ranges, std::size_t width, float signals,
                                       float* most) {
  static_assert(kTextureRadius == 3);
  const std::uint8_t *a = ranges[0], *b = ranges[1], *c = ranges[2], *d = ranges[3], *e = ranges[4], *f = ranges[5],
                     *g = ranges[6];
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t k = width + i;
    const std::uint8_t high = std::max({a[i], b[i], c[i], d[i], e[i], f[i], g[i]});
    const std::uint8_t low = std::min({a[k], b[k], c[k], d[k], e[k], f[k], g[k]});
    most[i] = signals * static_cast<float>(static_cast<std::uint8_t>(high - low));
  }
}

LUMAFLUX_DISPATCH void signals_row(const std::uint8_t* codes, std::size_t width, float offset, float share,
                                   float* out) {
  for (std::size_t i = 0; i < width; ++i) out[i] = (static_cast<float>(codes[i]) - offset) * share;
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

LUMAFLUX_DISPATCH void blend_row(const float* sdr, const float* picture, const float* above, const float* below,
                                 float down, std::size_t level, const float* most, std::size_t width, float* out) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float near = by_lines(picture[i], sdr[i], above, below, down, level, i);
    const float share = between((kTextureCodes - 255.0f * most[i]) / (kTextureCodes - kSmoothCodes), 0.0f, 1.0f);
    out[i] = sdr[i] + share * (near - sdr[i]);
  }
}

// A row of a plane sees 39 rows of the first filter's picture below it: its lines lie between two rows of blocks, each
// of which sees eight below.
constexpr std::size_t kKept = 48;
constexpr std::size_t kRanges = 2 * kTextureRadius + 1;

// A plane on its way through both filters, for rows that are asked for in their order.
class Plane {
 public:
  using Source = std::function<const float*(std::ptrdiff_t)>;

  Plane(std::size_t width, std::size_t height, Source source)
      : width_(width),
        source_(std::move(source)),
        fine_(kFilters[0], width, height, source_),
        near_(kKept, width, static_cast<std::ptrdiff_t>(height),
              [this](std::ptrdiff_t row, float* out) {
                const Lines::Around lines = fine_.around(static_cast<std::size_t>(row));
                near_row(source_(row), lines.above, lines.below, lines.share, fine_.wide(), width_, out);
              }),
        coarse_(kFilters[1], width, height, [this](std::ptrdiff_t row) { return near_[row]; }) {}

  Plane(const Plane&) = delete;

  void blended(std::size_t y, const float* most, float* out) {
    const auto row = static_cast<std::ptrdiff_t>(y);
    const Lines::Around lines = coarse_.around(y);
    blend_row(source_(row), near_[row], lines.above, lines.below, lines.share, coarse_.wide(), most, width_, out);
  }

 private:
  std::size_t width_;
  Source source_;
  Lines fine_;
  RowsOf near_;
  Lines coarse_;
};

}  // namespace

void deband(const float* sdr, std::size_t width, std::size_t height, float* out, unsigned threads,
            std::size_t channels) {
  const std::size_t plane = width * height;
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> padded(width + 2 * kTextureRadius), most(width);
    std::vector<std::unique_ptr<Plane>> planes;
    std::vector<RowsOf> ranges;
    for (std::size_t c = 0; c < channels; ++c) {
      const auto source = [=](std::ptrdiff_t row) { return sdr + c * plane + static_cast<std::size_t>(row) * width; };
      planes.push_back(std::make_unique<Plane>(width, height, source));
      ranges.emplace_back(kRanges, 2 * width, static_cast<std::ptrdiff_t>(height),
                          [&padded, source, width](std::ptrdiff_t row, float* to) {
                            range_row(source(row), width, padded.data(), to);
                          });
    }
    for (std::size_t y = begin; y < end; ++y) {
      std::fill(most.begin(), most.end(), 0.0f);
      for (std::size_t c = 0; c < channels; ++c) {
        const float* seen[kRanges];
        for (std::size_t j = 0; j < kRanges; ++j)
          seen[j] = ranges[c][static_cast<std::ptrdiff_t>(y + j) - kTextureRadius];
        spread_row(seen, width, most.data());
      }
      for (std::size_t c = 0; c < channels; ++c) planes[c]->blended(y, most.data(), out + c * plane + y * width);
    }
  });
}

// What rows of luma are made with.
class LumaRows::Parts {
 public:
  Parts(const std::uint8_t* codes, std::size_t row, std::size_t width, std::size_t height, float offset, float scale)
      : width_(width),
        share_(1.0f / scale),
        padded_(width + 2 * kTextureRadius),
        most_(width),
        // One for every place that asks for a row: of the picture, two rows of blocks, and the row itself.
        signals_(4, width, static_cast<std::ptrdiff_t>(height),
                 [=](std::ptrdiff_t at, float* out) {
                   signals_row(codes + static_cast<std::size_t>(at) * row, width, offset, 1.0f / scale, out);
                 }),
        ranges_(kRanges, 2 * width, static_cast<std::ptrdiff_t>(height),
                [=](std::ptrdiff_t at, std::uint8_t* out) {
                  code_range_row(codes + static_cast<std::size_t>(at) * row, width, padded_.data(), out);
                }),
        plane_(width, height, [this](std::ptrdiff_t at) { return signals_[at]; }) {}

  void row(std::size_t y, float* out) {
    const std::uint8_t* seen[kRanges];
    for (std::size_t j = 0; j < kRanges; ++j) seen[j] = ranges_[static_cast<std::ptrdiff_t>(y + j) - kTextureRadius];
    code_spread_row(seen, width_, share_, most_.data());
    plane_.blended(y, most_.data(), out);
  }

 private:
  std::size_t width_;
  float share_;
  std::vector<std::uint8_t> padded_;
  std::vector<float> most_;
  RowsOf signals_;
  Rows<std::function<void(std::ptrdiff_t, std::uint8_t*)>, std::uint8_t> ranges_;
  Plane plane_;
};

LumaRows::LumaRows(const std::uint8_t* codes, std::size_t row, std::size_t width, std::size_t height, float offset,
                   float scale)
    : parts_(std::make_unique<Parts>(codes, row, width, height, offset, scale)) {}

LumaRows::~LumaRows() = default;

void LumaRows::row(std::size_t y, float* out) { parts_->row(y, out); }

}  // namespace lumaflux
