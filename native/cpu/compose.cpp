// A row goes through:  codes -> placed PQ (base) -> guide -> stops = slope * guide + level -> lit PQ
//                             and, where the source is clipped, stops += recovery * mask * structure
// Slope, level and structure lie on the reduced grid: each of its rows is stretched to full width once, and two of them
// make a row.
#include "cpu/compose.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

#include "cpu/light.h"
#include "cpu/rows.h"

namespace lumaflux {
namespace {

constexpr float kGamma = 2.4f;       // BT.1886
constexpr float kSmallest = 1e-6f;   // of relative light and of cd/m2, before powers
constexpr float kOffsetNits = 0.5f;  // of the gain
constexpr float kLargestStops = 4.0f;
constexpr float kClippingBegins = 0.95f, kClippingWhole = 0.985f;
constexpr int kMaskRadius = 2;
constexpr float kBt709To2020[9] = {0.627403896f, 0.329283038f, 0.043313066f, 0.069097289f, 0.919540395f,
                                   0.011362316f, 0.016391439f, 0.088013308f, 0.895595253f};
constexpr float kRed = 0.2627f, kGreen = 0.6780f, kBlue = 0.0593f;

LUMAFLUX_INLINE float at(const float* table, float steps, float signal) {
  const float position = between(signal, 0.0f, 1.0f) * steps;
  const int index = static_cast<int>(smaller(position, steps - 1.0f));
  const float share = position - static_cast<float>(index);
  return table[index] + share * (table[index + 1] - table[index]);
}

// Light of PQ signals in equal steps: a look-up and a line cost half of two powers.
constexpr std::size_t kPqSteps = 1 << 14;

const std::vector<float>& pq_table() {
  static const std::vector<float> table = [] {
    std::vector<float> light(kPqSteps + 1);
    for (std::size_t i = 0; i <= kPqSteps; ++i)
      light[i] = pq_eotf(static_cast<float>(i) / static_cast<float>(kPqSteps));
    return light;
  }();
  return table;
}

// Functions of light, or of a signal, in steps of 1/512 of each octave, from 2^-40 to 2^14: with a line between them PQ
// signals are right to 1e-6. The upper bits of a float count those steps.
constexpr int kOctaveBits = 9, kShift = 23 - kOctaveBits;
constexpr std::int32_t kFirstStep = (127 - 40) << kOctaveBits;
constexpr std::size_t kLightSteps = static_cast<std::size_t>(40 + 14) << kOctaveBits;
constexpr float kLeastLight = 1.0f / (1ll << 40), kMostLight = 16383.0f;

template <typename Function>
std::vector<float> light_table(Function of) {
  std::vector<float> table(kLightSteps + 1);
  for (std::size_t i = 0; i <= kLightSteps; ++i) {
    const std::int32_t bits = (kFirstStep + static_cast<std::int32_t>(i)) << kShift;
    float light;
    std::memcpy(&light, &bits, sizeof light);
    table[i] = of(light);
  }
  return table;
}

LUMAFLUX_INLINE float at_light(const float* table, float light) {
  const float within = between(light, kLeastLight, kMostLight);
  std::int32_t bits;
  std::memcpy(&bits, &within, sizeof bits);
  const std::int32_t index = (bits >> kShift) - kFirstStep;
  const float share = static_cast<float>(bits & ((1 << kShift) - 1)) * (1.0f / (1 << kShift));
  return table[index] + share * (table[index + 1] - table[index]);
}

const std::vector<float>& pq_of_nits() {
  static const std::vector<float> table =
      light_table([](float nits) { return pq_inverse_eotf(smaller(nits, 10000.0f)); });
  return table;
}

const std::vector<float>& light_of_signals() {
  static const std::vector<float> table =
      light_table([](float signal) { return power(smaller(signal, 1.0f), kGamma); });
  return table;
}

LUMAFLUX_INLINE void to_bt2020(float& r, float& g, float& b) {
  const float* m = kBt709To2020;
  const float x = m[0] * r + m[1] * g + m[2] * b, y = m[3] * r + m[4] * g + m[5] * b,
              z = m[6] * r + m[7] * g + m[8] * b;
  r = x, g = y, b = z;
}

LUMAFLUX_DISPATCH void place_row(const float* r, const float* g, const float* b, std::size_t width,
                                 const PlacementTables& p, const float* curve_of_light, float* out) {
  float *red = out, *green = out + width, *blue = out + 2 * width;
  const float steps = static_cast<float>(p.steps), share = p.by_channel, peak = p.peak_pq;
  const float *curve = p.curve, *eotf = light_of_signals().data(), *pq = pq_of_nits().data();
  const float m0 = p.matrix[0], m1 = p.matrix[1], m2 = p.matrix[2], m3 = p.matrix[3], m4 = p.matrix[4],
              m5 = p.matrix[5], m6 = p.matrix[6], m7 = p.matrix[7], m8 = p.matrix[8];
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    float lr = at_light(eotf, r[i]), lg = at_light(eotf, g[i]), lb = at_light(eotf, b[i]);
    to_bt2020(lr, lg, lb);
    lr = between(lr, 0.0f, 1.0f), lg = between(lg, 0.0f, 1.0f), lb = between(lb, 0.0f, 1.0f);
    const float y = larger(kRed * lr + kGreen * lg + kBlue * lb, kSmallest);
    const float scale = at_light(curve_of_light, y) / y;
    float cr = at(curve, steps, r[i]), cg = at(curve, steps, g[i]), cb = at(curve, steps, b[i]);
    to_bt2020(cr, cg, cb);
    const auto mixed = [share, pq](float by_luminance, float by_channel) LUMAFLUX_HOT {
      const float one = at_light(pq, larger(by_luminance, kSmallest));
      return one + share * (at_light(pq, larger(by_channel, kSmallest)) - one);
    };
    const float pr = mixed(lr * scale, cr), pg = mixed(lg * scale, cg), pb = mixed(lb * scale, cb);
    red[i] = between(m0 * pr + m1 * pg + m2 * pb, 0.0f, peak);
    green[i] = between(m3 * pr + m4 * pg + m5 * pb, 0.0f, peak);
    blue[i] = between(m6 * pr + m7 * pg + m8 * pb, 0.0f, peak);
  }
}

// What clipped areas gain: stops of a row of structure between two of the reduced grid, three planes of full width
// each, times the softened mask, which is the sum of `count` rows.
LUMAFLUX_DISPATCH void recover_row(const float* const* masks, int count, float scale, const float* above,
                                   const float* below, float share, std::size_t width, float* mask, float* extra) {
  for (std::size_t i = 0; i < width; ++i) mask[i] = scale * masks[0][i];
  for (int j = 1; j < count; ++j) {
    for (std::size_t i = 0; i < width; ++i) mask[i] += scale * masks[j][i];
  }
  for (std::size_t channel = 0; channel < 3; ++channel, above += width, below += width, extra += width) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < width; ++i) extra[i] = mask[i] * (above[i] + share * (below[i] - above[i]));
  }
}

// base: three rows of PQ; above, below: six rows each (slope, level), full width; extra: three rows of stops; out: rows
// of the result's planes.
LUMAFLUX_DISPATCH void light_row(const float* base, const float* above, const float* below, float share,
                                 const float* extra, std::size_t width, float* red, float* green, float* blue) {
  const float *r = base, *g = base + width, *b = base + 2 * width, *eotf = pq_table().data(), *pq = pq_of_nits().data();
  constexpr float steps = kPqSteps;
  const auto stretched = [=](std::size_t part, std::size_t i) LUMAFLUX_HOT {
    const float upper = above[part * width + i];
    return upper + share * (below[part * width + i] - upper);
  };
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float nr = at(eotf, steps, r[i]), ng = at(eotf, steps, g[i]), nb = at(eotf, steps, b[i]);
    const float guide = log2_of(kRed * nr + kGreen * ng + kBlue * nb + kOffsetNits);
    const auto lit = [=](float nits, std::size_t channel) LUMAFLUX_HOT {
      const float stops = stretched(channel, i) * guide + stretched(channel + 3, i) + extra[channel * width + i];
      const float gain = exp2_of(between(stops, -kLargestStops, kLargestStops));
      return at_light(pq, (nits + kOffsetNits) * gain - kOffsetNits);
    };
    red[i] = lit(nr, 0), green[i] = lit(ng, 1), blue[i] = lit(nb, 2);
  }
}

// The same where nothing gains: light through the same tables, so that a frame's highlights change no other pixel of
// it.
LUMAFLUX_DISPATCH void unlit_row(const float* base, std::size_t width, float* out) {
  const float *eotf = pq_table().data(), *pq = pq_of_nits().data();
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i)
    out[i] = at_light(pq, (at(eotf, static_cast<float>(kPqSteps), base[i]) + kOffsetNits) - kOffsetNits);
}

// Row of the mask before it is softened, summed over 2 * kMaskRadius + 1 columns; the last number says whether any is
// not 0.
LUMAFLUX_DISPATCH void mask_row(const float* r, const float* g, const float* b, std::size_t width, int radius,
                                float* hard, float* out) {
  float most = 0.0f;
  for (std::size_t i = 0; i < width; ++i) {
    const float t =
        between((larger(larger(r[i], g[i]), b[i]) - kClippingBegins) / (kClippingWhole - kClippingBegins), 0.0f, 1.0f);
    hard[static_cast<std::size_t>(radius) + i] = t * t * (3.0f - 2.0f * t);
    most = larger(most, t);
  }
  for (int i = 0; i < radius; ++i) {
    hard[i] = hard[radius];
    hard[static_cast<std::size_t>(radius) + width + static_cast<std::size_t>(i)] =
        hard[static_cast<std::size_t>(radius) + width - 1];
  }
  for (std::size_t i = 0; i < width; ++i) {
    float sum = 0.0f;
    for (int j = 0; j <= 2 * radius; ++j) sum += hard[i + static_cast<std::size_t>(j)];
    out[i] = sum;
  }
  out[width] = most;
}

}  // namespace

void compose(const float* smooth, const float* sdr, std::size_t width, std::size_t height,
             const PlacementTables& placement, const ReducedPlanes& reduced, float recovery, float* out,
             unsigned threads) {
  const std::size_t plane = width * height, low = reduced.width * reduced.height;
  std::vector<Position> columns(width);
  for (std::size_t i = 0; i < width; ++i) columns[i] = position_of(i, reduced.width, width);
  const int radius = std::min<int>(kMaskRadius, static_cast<int>(std::min(width, height)) - 1);
  const auto curve_of_light = light_table([&](float light) LUMAFLUX_HOT {
    return at(placement.curve, static_cast<float>(placement.steps), power(light, 1.0f / kGamma));
  });
  const float taps = static_cast<float>((2 * radius + 1) * (2 * radius + 1));
  const auto none = [low](const float* part) {
    return std::all_of(part, part + 3 * low, [](float value) { return value == 0.0f; });
  };
  const bool unlit = none(reduced.slope) && none(reduced.level) && (recovery == 0.0f || none(reduced.structure));

  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    const auto stretched =
        [&](std::initializer_list<const float*> parts) {  // rows of parts of the reduced grid, three planes each
          return [&, parts = std::vector<const float*>(parts)](std::ptrdiff_t row, float* to) {
            for (const float* part : parts) {
              for (std::size_t channel = 0; channel < 3; ++channel, to += width) {
                const float* from = part + channel * low + static_cast<std::size_t>(row) * reduced.width;
                for (std::size_t i = 0; i < width; ++i) {
                  const std::size_t index = columns[i].index, next = std::min(index + 1, reduced.width - 1);
                  to[i] = from[index] + columns[i].share * (from[next] - from[index]);
                }
              }
            }
          };
        };
    const auto last = static_cast<std::ptrdiff_t>(reduced.height);
    Rows lines(2, 6 * width, last, stretched({reduced.slope, reduced.level})),
        structure(2, 3 * width, last, stretched({reduced.structure}));
    std::vector<float> base(3 * width), extra(3 * width, 0.0f), hard(width + 2 * kMaskRadius), mask(width);
    bool filled = false;
    const auto soften = [&](std::ptrdiff_t row, float* to) {
      const float* r = sdr + static_cast<std::size_t>(row) * width;
      mask_row(r, r + plane, r + 2 * plane, width, radius, hard.data(), to);
    };
    Rows masks(static_cast<std::size_t>(2 * kMaskRadius + 1), width + 1, static_cast<std::ptrdiff_t>(height), soften);

    // Puts what row y recovers into `extra`; false where nothing is clipped.
    const auto recovered = [&](std::size_t y, const Position& where) {
      const float* sums[2 * kMaskRadius + 1];
      float most = 0.0f;
      for (int j = -radius; j <= radius; ++j) {
        sums[j + radius] = masks[static_cast<std::ptrdiff_t>(y) + j];
        most = larger(most, sums[j + radius][width]);
      }
      if (most == 0.0f) return false;
      const auto upper = static_cast<std::ptrdiff_t>(where.index);
      recover_row(sums, 2 * radius + 1, recovery / taps, structure[upper], structure[upper + 1], where.share, width,
                  mask.data(), extra.data());
      return true;
    };

    for (std::size_t y = begin; y < end; ++y) {
      const float* codes = smooth + y * width;
      place_row(codes, codes + plane, codes + 2 * plane, width, placement, curve_of_light.data(), base.data());
      float *red = out + y * width, *green = red + plane, *blue = green + plane;
      if (unlit) {
        for (std::size_t c = 0; c < 3; ++c) unlit_row(base.data() + c * width, width, red + c * plane);
        continue;
      }
      const Position where = position_of(y, reduced.height, height);
      const auto upper = static_cast<std::ptrdiff_t>(where.index);
      const float* above = lines[upper];
      const bool clipped = recovery > 0.0f && recovered(y, where);
      if (filled && !clipped) std::fill(extra.begin(), extra.end(), 0.0f);
      filled = clipped;
      light_row(base.data(), above, lines[upper + 1], where.share, extra.data(), width, red, green, blue);
    }
  });
}

}  // namespace lumaflux
