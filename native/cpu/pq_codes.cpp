// A row goes through:  codes -> luma without steps, chroma at full width -> lattice -> ten-bit Y'CbCr in floats
//                             and, where the source is clipped, light *= 2^(mask * stops) -> codes, chroma halved
// Three rows of halved chroma are alive at a time, as in yuv420p10.cpp.
#include "cpu/pq_codes.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>
#include <vector>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "cpu/deband.h"
#include "cpu/light.h"
#include "cpu/rows.h"
#include "cpu/yuv_rows.h"

namespace lumaflux {
namespace {

constexpr float kLowest = 4.0f, kHighest = 1019.0f;
constexpr float kOffsetNits = 0.5f, kLargestStops = 4.0f;  // of the gain, as in compose.cpp
constexpr float kClippingBegins = 0.95f, kClippingWhole = 0.985f;
constexpr int kMaskRadius = 2;
constexpr std::size_t kBlock = 64;
constexpr std::size_t kStretch = 256;  // pixels whose places among the nodes stay in cache

// Where a chroma signal lies between the nodes of its axis, `half` on either side of grey.
float among_nodes(float signal, float half) {
  const float square = smaller(2.0f * std::fabs(signal), 1.0f) * half * half;
  const float before = static_cast<float>(static_cast<std::int32_t>(smaller(std::sqrt(square), half - 1.0f)));
  const float way = before + (square - before * before) / (2.0f * before + 1.0f);  // a line between two nodes
  return half + (signal < 0.0f ? -way : way);
}

constexpr std::int32_t kWhole = 32767;  // the sum of a pixel's weights

// The same of eighths of a code, which is what samples mixed with their neighbours are whole numbers of: the node's
// number in the upper half of an entry, and the weight of the next one, of 15 bits, in the lower one.
constexpr std::size_t kEighths = 8 * 255 + 1;
struct Way {
  std::int32_t node_and_weight[kEighths];

  Way(std::size_t nodes, const YuvCoding& coding) {
    const auto last = static_cast<float>(nodes - 1);
    for (std::size_t i = 0; i < kEighths; ++i) {
      const float place =
          among_nodes((0.125f * static_cast<float>(i) - coding.chroma_offset) / coding.chroma_scale, 0.5f * last);
      const auto node = static_cast<std::int32_t>(smaller(place, last - 1.0f));
      const float weight = place - static_cast<float>(node);
      node_and_weight[i] = node << 16 | static_cast<std::int32_t>(weight * static_cast<float>(kWhole) + 0.5f);
    }
  }
};

// Where pixels lie: their first node, and of each of four lines along Y' the weights of both ends (16 bits each).
struct Places {
  std::int32_t base[kStretch], weights[4][kStretch];
};

LUMAFLUX_DISPATCH void eighths_of(const float* codes, std::size_t count, std::int32_t* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::int32_t>(8.0f * codes[i]);
}

// One by one: as vector code, indices would be taken out of vectors and entries put into them, which takes longer.
LUMAFLUX_SCALAR void look_up_ways(const Way& way, std::size_t count, std::int32_t* eighths) {
  for (std::size_t i = 0; i < count; ++i) eighths[i] = way.node_and_weight[eighths[i]];
}

LUMAFLUX_DISPATCH void find_places(const float* luma, const std::int32_t* blue_at, const std::int32_t* red_at,
                                   std::size_t count, const Lattice& l, Places& places) {
  const float luma_last = static_cast<float>(l.luma - 1), luma_step = luma_last / l.luma_end,
              share = 1.0f / static_cast<float>(kWhole);
  const auto luma_nodes = static_cast<std::int32_t>(l.luma), red_nodes = static_cast<std::int32_t>(l.red);
  std::int32_t *base = places.base, *to00 = places.weights[0], *to01 = places.weights[1], *to10 = places.weights[2],
               *to11 = places.weights[3];
#pragma GCC ivdep
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t b = blue_at[i], r = red_at[i];
    const float py = between(luma[i] * luma_step, 0.0f, luma_last);
    const auto iy = static_cast<std::int32_t>(smaller(py, luma_last - 1.0f));
    const float fy = py - static_cast<float>(iy);
    base[i] = ((b >> 16) * red_nodes + (r >> 16)) * luma_nodes + iy;
    const std::int32_t blue = b & 0xffff, red = r & 0xffff;
    const auto w11 = static_cast<std::int32_t>(static_cast<float>(blue) * static_cast<float>(red) * share + 0.5f);
    const auto ends = [fy](std::int32_t weight) LUMAFLUX_HOT {
      const auto high = static_cast<std::int32_t>(static_cast<float>(weight) * fy + 0.5f);
      return ((weight - high) & 0xffff) | (high << 16);
    };
    to00[i] = ends(kWhole - blue - red + w11), to01[i] = ends(red - w11);
    to10[i] = ends(blue - w11), to11[i] = ends(w11);
  }
}

// The lattice between its nodes, linear along each axis: rows of Y', Cb and Cr from pixel `begin` on.
#if defined(__SSE2__)
LUMAFLUX_INLINE __m128 look_up_one(const Node* nodes, const std::size_t* corners, const Places& places, std::size_t i) {
  const Node* first = nodes + places.base[i];
  const auto line = [&](std::size_t corner) LUMAFLUX_HOT {
    const __m128i node = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first + corners[corner]));
    return _mm_madd_epi16(node, _mm_set1_epi32(places.weights[corner][i]));
  };
  const __m128i sum = _mm_add_epi32(_mm_add_epi32(line(0), line(1)), _mm_add_epi32(line(2), line(3)));
  return _mm_mul_ps(_mm_cvtepi32_ps(sum), _mm_set1_ps(1.0f / (kNodeScale * static_cast<float>(kWhole))));
}
#endif

LUMAFLUX_INLINE void look_up_scalar(const Node* nodes, const std::size_t* corners, const Places& places, std::size_t i,
                                    float* y, float* cb, float* cr) {
  std::int32_t sums[3] = {0, 0, 0};
  for (std::size_t corner = 0; corner < 4; ++corner) {
    const std::int32_t ends = places.weights[corner][i];
    const std::int32_t low = static_cast<std::int16_t>(ends & 0xffff), high = ends >> 16;
    const Node& node = nodes[static_cast<std::size_t>(places.base[i]) + corners[corner]];
    for (std::size_t c = 0; c < 3; ++c) sums[c] += low * (node.pairs[c] & 0xffff) + high * (node.pairs[c] >> 16);
  }
  constexpr float scale = 1.0f / (kNodeScale * static_cast<float>(kWhole));
  *y = scale * static_cast<float>(sums[0]);
  *cb = scale * static_cast<float>(sums[1]);
  *cr = scale * static_cast<float>(sums[2]);
}

LUMAFLUX_DISPATCH void look_up(const float* luma, const float* cb, const float* cr, std::size_t width, const Lattice& l,
                               const Way& blue, const Way& red, float* out) {
  const std::size_t corners[4] = {0, l.luma, l.luma * l.red, l.luma * l.red + l.luma};
  Places places;
  std::int32_t blue_at[kStretch], red_at[kStretch];
  for (std::size_t begin = 0; begin < width; begin += kStretch) {
    const std::size_t count = std::min(kStretch, width - begin);
    eighths_of(cb + begin, count, blue_at);
    eighths_of(cr + begin, count, red_at);
    look_up_ways(blue, count, blue_at);
    look_up_ways(red, count, red_at);
    find_places(luma + begin, blue_at, red_at, count, l, places);
    float *y_out = out + begin, *cb_out = y_out + width, *cr_out = cb_out + width;
    std::size_t i = 0;
#if defined(__SSE2__)
    for (; i + 4 <= count; i += 4) {
      __m128 a = look_up_one(l.nodes, corners, places, i), b = look_up_one(l.nodes, corners, places, i + 1),
             c = look_up_one(l.nodes, corners, places, i + 2), d = look_up_one(l.nodes, corners, places, i + 3);
      _MM_TRANSPOSE4_PS(a, b, c, d);
      _mm_storeu_ps(y_out + i, a);
      _mm_storeu_ps(cb_out + i, b);
      _mm_storeu_ps(cr_out + i, c);
    }
#endif
    for (; i < count; ++i) look_up_scalar(l.nodes, corners, places, i, y_out + i, cb_out + i, cr_out + i);
  }
}

// Light that gains stops, `kOffsetNits` counted in: (light + offset) * 2^stops - offset. Both ways lead through
// x = log2(light + offset), to which stops are added: tables of x over PQ signals and of PQ signals over x.
struct GainTables {
  static constexpr std::size_t kSignals = 1024, kLevels = 2048;
  static constexpr float kLowest = -1.0f, kRange = 14.2877846f;  // x of no light, and up to that of 10,000 cd/m2
  float levels[kSignals + 2], signals[kLevels + 2];

  GainTables() {
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 32, c1 = 3424.0 / 4096, c2 = 2413.0 / 128, c3 = 2392.0 / 128;
    for (std::size_t i = 0; i < kSignals + 2; ++i) {
      const double v = std::pow(std::min(1.0, static_cast<double>(i) / kSignals), 1 / m2);
      const double nits = 10000.0 * std::pow(std::max(v - c1, 0.0) / (c2 - c3 * v), 1 / m1);
      levels[i] = static_cast<float>(std::log2(nits + kOffsetNits));
    }
    for (std::size_t i = 0; i < kLevels + 2; ++i) {
      const double x = kLowest + static_cast<double>(kRange) * static_cast<double>(i) / kLevels;
      const double v = std::pow(std::clamp((std::exp2(x) - kOffsetNits) * 1e-4, 0.0, 1.0), m1);
      signals[i] = static_cast<float>(std::pow((c1 + c2 * v) / (1.0 + c3 * v), m2));
    }
  }
};

LUMAFLUX_INLINE float looked_up(const float* table, float place) {
  const auto before = static_cast<std::int32_t>(place);
  const float low = table[before], high = table[before + 1];
  return low + (place - static_cast<float>(before)) * (high - low);
}

// Columns `begin` to `end` of a row of ten-bit Y'CbCr with its light 2^stops as strong.
LUMAFLUX_DISPATCH void brighten(const float* stops, const GainTables& tables, std::size_t begin, std::size_t end,
                                std::size_t width, float* row) {
  const float *levels = tables.levels, *signals = tables.signals;
  constexpr float last = static_cast<float>(GainTables::kLevels), steps = last / GainTables::kRange,
                  most = static_cast<float>(GainTables::kSignals);
  float *luma = row, *cb = row + width, *cr = row + 2 * width;
#pragma GCC ivdep
  for (std::size_t i = begin; i < end; ++i) {
    const float signal = (luma[i] - kLumaOffset) / kLumaScale;
    const float to_red = kToRed * (cr[i] - kChromaOffset) / kChromaScale,
                to_blue = kToBlue * (cb[i] - kChromaOffset) / kChromaScale;
    const float gain = between(stops[i], -kLargestStops, kLargestStops) - GainTables::kLowest;
    const auto lit = [=](float one) LUMAFLUX_HOT {
      const float level = looked_up(levels, between(most * one, 0.0f, most)) + gain;
      return looked_up(signals, between(steps * level, 0.0f, last));
    };
    const float r = lit(signal + to_red), g = lit(signal - (kRed * to_red + kBlue * to_blue) / kGreen),
                b = lit(signal + to_blue);
    const float bright = kRed * r + kGreen * g + kBlue * b;
    const bool stays = stops[i] == 0.0f;
    luma[i] = stays ? luma[i] : kLumaScale * bright + kLumaOffset;
    cb[i] = stays ? cb[i] : kChromaScale * (b - bright) / kToBlue + kChromaOffset;
    cr[i] = stays ? cr[i] : kChromaScale * (r - bright) / kToRed + kChromaOffset;
  }
}

// Graphics in a row of ten-bit Y'CbCr, no lighter than their bounds.
void hold(const HeldPixels& held, std::size_t line, std::size_t width, float* row) {
  float *luma = row, *cb = row + width, *cr = row + 2 * width;
  const auto first = static_cast<std::int64_t>(line * width), last = static_cast<std::int64_t>((line + 1) * width);
  const std::int64_t *begin = held.places, *end = held.places + held.count;
  for (const std::int64_t* place = std::lower_bound(begin, end, first); place != end && *place < last; ++place) {
    const auto i = static_cast<std::size_t>(*place - first), k = static_cast<std::size_t>(place - begin);
    const float signal = (luma[i] - kLumaOffset) / kLumaScale;
    const float to_red = kToRed * (cr[i] - kChromaOffset) / kChromaScale,
                to_blue = kToBlue * (cb[i] - kChromaOffset) / kChromaScale;
    const float own[3] = {signal + to_red, signal - (kRed * to_red + kBlue * to_blue) / kGreen, signal + to_blue};
    float lit[3];
    for (std::size_t c = 0; c < 3; ++c)
      lit[c] = own[c] + held.shares[k] * (smaller(own[c], held.bounds[3 * k + c]) - own[c]);
    const float bright = kRed * lit[0] + kGreen * lit[1] + kBlue * lit[2];
    luma[i] = kLumaScale * bright + kLumaOffset;
    cb[i] = kChromaScale * (lit[2] - bright) / kToBlue + kChromaOffset;
    cr[i] = kChromaScale * (lit[0] - bright) / kToRed + kChromaOffset;
  }
}

LUMAFLUX_DISPATCH void to_codes(const float* values, std::size_t width, std::uint16_t* out) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    out[i] = static_cast<std::uint16_t>(static_cast<std::int32_t>(between(values[i], kLowest, kHighest) + 0.5f));
  }
}

// [1 2 1]/4 at even columns; an odd width repeats its last column.
void halve(const float* full, std::size_t width, float* half) {
  const std::size_t count = (width + 1) / 2;
  const auto at = [=](std::size_t i) {
    const float even = full[2 * i], before = i == 0 ? even : full[2 * i - 1],
                after = 2 * i + 1 < width ? full[2 * i + 1] : even;
    return 0.5f * even + 0.25f * (before + after);
  };
  half[0] = at(0);
  for (std::size_t i = 1; i + 1 < count; ++i)
    half[i] = 0.5f * full[2 * i] + 0.25f * (full[2 * i - 1] + full[2 * i + 1]);
  if (count > 1) half[count - 1] = at(count - 1);
}

void mix_rows(const float* above, const float* here, const float* below, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = 0.5f * here[i] + 0.25f * (above[i] + below[i]);
}

// How clipped each pixel of a row is, before it is softened, summed over 2 * radius + 1 columns. `hard` has room for
// the radius on both sides.
LUMAFLUX_DISPATCH void clipping_row(const float* r, const float* g, const float* b, std::size_t width, int radius,
                                    float* hard, float* out) {
  const auto reach = static_cast<std::size_t>(radius);
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float largest = larger(larger(r[i], g[i]), b[i]);
    const float t = between((largest - kClippingBegins) / (kClippingWhole - kClippingBegins), 0.0f, 1.0f);
    hard[reach + i] = t * t * (3.0f - 2.0f * t);
  }
  for (std::size_t i = 0; i < reach; ++i) hard[i] = hard[reach], hard[reach + width + i] = hard[reach + width - 1];
  if (radius == 2) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < width; ++i) out[i] = hard[i] + hard[i + 1] + hard[i + 2] + hard[i + 3] + hard[i + 4];
    return;
  }
  for (std::size_t i = 0; i < width; ++i) {
    float sum = 0.0f;
    for (std::size_t j = 0; j <= 2 * reach; ++j) sum += hard[i + j];
    out[i] = sum;
  }
}

// How clipped the columns of a row are, from as many rows of sums as the mask has. Returns the largest.
LUMAFLUX_DISPATCH float soften_row(const float* const* sums, int rows, float share, std::size_t begin, std::size_t end,
                                   float* out) {
  float most = 0.0f;
  if (rows == 5) {
    const float *a = sums[0], *b = sums[1], *c = sums[2], *d = sums[3], *e = sums[4];
#pragma GCC ivdep
    for (std::size_t i = begin; i < end; ++i) {
      out[i] = share * (a[i] + b[i] + c[i] + d[i] + e[i]);
      most = larger(most, out[i]);
    }
    return most;
  }
  for (std::size_t i = begin; i < end; ++i) {
    float sum = 0.0f;
    for (int j = 0; j < rows; ++j) sum += sums[j][i];
    out[i] = share * sum;
    most = larger(most, out[i]);
  }
  return most;
}

// The stops of columns `begin` to `end`: those of the grid's row, as far as the columns are clipped. Returns the
// largest.
LUMAFLUX_DISPATCH float stops_row(const float* grid, const std::int32_t* index, const float* share, const float* mask,
                                  std::size_t begin, std::size_t end, float* stops) {
  float most = 0.0f;
#pragma GCC ivdep
  for (std::size_t i = begin; i < end; ++i) {
    const float left = grid[index[i]], right = grid[index[i] + 1];
    stops[i] = mask[i] * (left + share[i] * (right - left));
    most = larger(most, stops[i]);
  }
  return most;
}

LUMAFLUX_DISPATCH std::size_t clipped_in_row(const float* r, const float* g, const float* b, std::size_t width,
                                             float clipped) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < width; ++i) count += larger(larger(r[i], g[i]), b[i]) >= clipped ? 1 : 0;
  return count;
}

// Which columns of the frame two rows of the grid reach, from the first with light to the last.
std::pair<std::size_t, std::size_t> reached(const HighlightGrid& grid, std::size_t row, std::size_t width) {
  const float *upper = grid.stops + row * grid.width,
              *lower = grid.stops + std::min(row + 1, grid.height - 1) * grid.width;
  std::size_t first = grid.width, last = 0;
  for (std::size_t i = 0; i < grid.width; ++i) {
    if (upper[i] != 0.0f || lower[i] != 0.0f) first = std::min(first, i), last = i;
  }
  if (first == grid.width) return {0, 0};
  const std::size_t begin = first == 0 ? 0 : (first - 1) * width / grid.width,
                    end = ((last + 2) * width) / grid.width + 1;
  return {begin, std::min(end, width)};
}

}  // namespace

void pq_codes(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width, const YuvCoding& coding,
              const Lattice& lattice, const HighlightGrid& grid, const HeldPixels& held, std::uint16_t* y,
              std::uint16_t* cb, std::uint16_t* cr, unsigned threads) {
  const std::size_t half = (width + 1) / 2;
  const int radius = std::min<int>(kMaskRadius, static_cast<int>(std::min(width, height)) - 1);
  const float taps = static_cast<float>((2 * radius + 1) * (2 * radius + 1));
  std::vector<std::int32_t> left(grid.stops == nullptr ? 0 : width);
  std::vector<float> share(left.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    const Position where = position_of(i, grid.width, width);
    left[i] = static_cast<std::int32_t>(where.index), share[i] = where.share;
  }
  static const GainTables tables;
  const Way blue_way(lattice.blue, coding), red_way(lattice.red, coding);

  over_rows((height + 1) / 2, threads, [&](std::size_t begin, std::size_t end) {
    YuvRows<std::uint8_t> source(planes, height, width, coding), masked(planes, height, width, coding);
    LumaRows smooth(planes.y, planes.y_row, width, height, coding.luma_offset, coding.luma_scale);
    std::vector<float> luma(width), made(3 * width), rgb(3 * width), hard(width + 2 * kMaskRadius), stops(width),
        mask(width), gains(grid.width + 1);
    std::vector<float> above(2 * half), here(2 * half), below(2 * half), mixed(half);
    Rows masks(static_cast<std::size_t>(2 * kMaskRadius + 1), width, static_cast<std::ptrdiff_t>(height),
               [&](std::ptrdiff_t line, float* out) {
                 float *r = rgb.data(), *g = r + width, *b = g + width;
                 masked.rgb(static_cast<std::size_t>(line), r, g, b);
                 clipping_row(r, g, b, width, radius, hard.data(), out);
               });

    const auto recover = [&](std::size_t line) {
      const Position where = position_of(line, grid.height, height);
      const auto [first, last] = reached(grid, where.index, width);
      if (first == last) return;
      const float* sums[2 * kMaskRadius + 1];
      for (int j = -radius; j <= radius; ++j) sums[j + radius] = masks[static_cast<std::ptrdiff_t>(line) + j];
      if (soften_row(sums, 2 * radius + 1, 1.0f / taps, first, last, mask.data()) == 0.0f) return;
      const float* upper = grid.stops + where.index * grid.width;
      const float* lower = grid.stops + std::min(where.index + 1, grid.height - 1) * grid.width;
      for (std::size_t i = 0; i < grid.width; ++i) gains[i] = upper[i] + where.share * (lower[i] - upper[i]);
      gains[grid.width] = gains[grid.width - 1];
      for (std::size_t start = first; start < last; start += kBlock) {
        const std::size_t stop = std::min(start + kBlock, last);
        if (stops_row(gains.data(), left.data(), share.data(), mask.data(), start, stop, stops.data()) > 0.0f)
          brighten(stops.data(), tables, start, stop, width, made.data());
      }
    };
    const auto row = [&](std::size_t line, std::vector<float>& halved) {
      const auto [blue, red] = source.chroma(line);
      smooth.row(line, luma.data());
      look_up(luma.data(), blue, red, width, lattice, blue_way, red_way, made.data());
      if (grid.stops != nullptr) recover(line);
      hold(held, line, width, made.data());
      halve(made.data() + width, width, halved.data());
      halve(made.data() + 2 * width, width, halved.data() + half);
    };

    if (begin > 0) row(2 * begin - 1, above);
    for (std::size_t pair = begin; pair < end; ++pair) {
      const std::size_t line = 2 * pair;
      row(line, here);
      to_codes(made.data(), width, y + line * width);
      if (pair == 0) above = here;
      if (line + 1 < height) {
        row(line + 1, below);
        to_codes(made.data(), width, y + (line + 1) * width);
      } else {
        below = here;
      }
      mix_rows(above.data(), here.data(), below.data(), half, mixed.data());
      to_codes(mixed.data(), half, cb + pair * half);
      mix_rows(above.data() + half, here.data() + half, below.data() + half, half, mixed.data());
      to_codes(mixed.data(), half, cr + pair * half);
      std::swap(above, below);
    }
  });
}

double clipped_share(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                     const YuvCoding& coding, float clipped, unsigned threads) {
  std::atomic<std::size_t> found{0};
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    YuvRows<std::uint8_t> rows(planes, height, width, coding);
    std::vector<float> rgb(3 * width);
    float *r = rgb.data(), *g = r + width, *b = g + width;
    std::size_t count = 0;
    for (std::size_t line = begin; line < end; ++line) {
      rows.rgb(line, r, g, b);
      count += clipped_in_row(r, g, b, width, clipped);
    }
    found += count;
  });
  return static_cast<double>(found) / static_cast<double>(height * width);
}

}  // namespace lumaflux
