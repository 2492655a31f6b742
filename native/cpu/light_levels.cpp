#include "cpu/light_levels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include "cpu/light.h"
#include "cpu/rows.h"
#include "cpu/yuv_rows.h"

namespace lumaflux {
namespace {

struct RowLight {
  float largest[3];
  std::int32_t worst;  // the largest exponent and mantissa, as bits
};

constexpr std::int32_t kInfinite = 0x7f800000;

LUMAFLUX_INLINE std::int32_t magnitude(float value) {
  std::int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits & 0x7fffffff;
}

// PQ signals from 0 to 1 as light, between entries in a line: from 1 cd/m2 on 3e-6 of it too much at most.
struct Nits {
  static constexpr std::size_t kSteps = 4096;
  struct Entry {
    float light, rise;  // up to the next one
  };
  Entry table[kSteps + 1];

  Nits() {
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 32, c1 = 3424.0 / 4096, c2 = 2413.0 / 128, c3 = 2392.0 / 128;
    const auto light_of = [=](std::size_t i) {
      const double v = std::pow(std::min(1.0, static_cast<double>(i) / kSteps), 1 / m2);
      return static_cast<float>(10000.0 * std::pow(std::max(v - c1, 0.0) / (c2 - c3 * v), 1 / m1));
    };
    for (std::size_t i = 0; i <= kSteps; ++i) {
      const float light = light_of(i);
      table[i] = {light, light_of(i + 1) - light};
    }
  }
};

// How many pixels lie in each bin. Neighbours, which are often alike, count in parts that do not wait for each other.
class Histogram {
 public:
  explicit Histogram(std::size_t bins) : bins_(bins), counts_(kParts * bins, 0) {}

  void add(const std::int32_t* bin, std::size_t width) {
    std::uint32_t *a = counts_.data(), *b = a + bins_, *c = b + bins_, *d = c + bins_;
    std::size_t i = 0;
    for (; i + kParts <= width; i += kParts) ++a[bin[i]], ++b[bin[i + 1]], ++c[bin[i + 2]], ++d[bin[i + 3]];
    for (; i < width; ++i) ++a[bin[i]];
  }

  std::uint32_t operator[](std::size_t bin) const {
    return counts_[bin] + counts_[bins_ + bin] + counts_[2 * bins_ + bin] + counts_[3 * bins_ + bin];
  }

 private:
  static constexpr std::size_t kParts = 4;
  std::size_t bins_;
  std::vector<std::uint32_t> counts_;
};

// What a row's pixels are looked up by, and what was found.
struct RowPlaces {
  explicit RowPlaces(std::size_t width) : bin(width), entry(width), share(width), found(width) {}
  std::vector<std::int32_t> bin, entry;
  std::vector<float> share;
  std::vector<Nits::Entry> found;
};

// One row; `bin` gets the place of each pixel in the histogram, `entry` and `share` that in the table of light.
LUMAFLUX_DISPATCH
RowLight row_places(const float* red, const float* green, const float* blue, std::size_t width, float last_bin,
                    std::int32_t* bin, std::int32_t* entry, float* share) {
  RowLight light{{0.0f, 0.0f, 0.0f}, 0};
  constexpr float steps = static_cast<float>(Nits::kSteps);
  constexpr auto last = static_cast<std::int32_t>(Nits::kSteps);
  float most_red = 0.0f, most_green = 0.0f, most_blue = 0.0f;
  std::int32_t most = 0;
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float r = red[i], g = green[i], b = blue[i];
    const std::int32_t bits_r = magnitude(r), bits_g = magnitude(g), bits_b = magnitude(b);
    const std::int32_t bits = bits_r > bits_g ? bits_r : bits_g, worst = bits > bits_b ? bits : bits_b;
    most = worst > most ? worst : most;
    most_red = larger(most_red, r), most_green = larger(most_green, g), most_blue = larger(most_blue, b);
    const float signal = between(larger(r, larger(g, b)), 0.0f, 1.0f);
    bin[i] = static_cast<std::int32_t>(signal * last_bin + 0.5f);
    const std::int32_t place = static_cast<std::int32_t>(signal * steps), kept = place > 0 ? place : 0;
    const std::int32_t before = kept < last ? kept : last;  // of what is not a number, too
    entry[i] = before;
    share[i] = signal * steps - static_cast<float>(before);
  }
  light.largest[0] = most_red, light.largest[1] = most_green, light.largest[2] = most_blue, light.worst = most;
  return light;
}

LUMAFLUX_SCALAR void look_up(const Nits::Entry* table, const std::int32_t* entry, std::size_t width,
                             Nits::Entry* found) {
  for (std::size_t i = 0; i < width; ++i) found[i] = table[entry[i]];
}

LUMAFLUX_DISPATCH float sum_of_light(const Nits::Entry* found, const float* share, std::size_t width) {
  constexpr std::size_t lanes = 16;  // sums that do not wait for each other
  float sums[lanes] = {}, sum = 0.0f;
  const std::size_t whole = width / lanes * lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += found[i + k].light + share[i + k] * found[i + k].rise;
  }
  for (std::size_t i = whole; i < width; ++i) sum += found[i].light + share[i] * found[i].rise;
  for (const float one : sums) sum += one;
  return sum;
}

// `rows()` gives, for one thread, what makes the three planes of a row: channels(line) -> {red, green, blue}.
template <class MakeRows>
LightOfFrame light_of_rows(std::size_t height, std::size_t width, std::size_t bins, unsigned threads,
                           const MakeRows& rows) {
  LightOfFrame light;
  light.histogram.assign(bins, 0);
  std::vector<double> sums(height);
  std::mutex joining;
  static const Nits light_of;
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    Histogram histogram(bins);
    RowPlaces places(width);
    std::array<float, 3> largest{};
    std::int32_t worst = 0;
    auto channels = rows();
    for (std::size_t line = begin; line < end; ++line) {
      const std::array<const float*, 3> of = channels(line);
      const RowLight row = row_places(of[0], of[1], of[2], width, static_cast<float>(bins - 1), places.bin.data(),
                                      places.entry.data(), places.share.data());
      worst = std::max(worst, row.worst);
      if (worst >= kInfinite) break;
      histogram.add(places.bin.data(), width);
      look_up(light_of.table, places.entry.data(), width, places.found.data());
      for (int c = 0; c < 3; ++c) largest[c] = std::max(largest[c], row.largest[c]);
      sums[line] = sum_of_light(places.found.data(), places.share.data(), width);
    }
    const std::lock_guard lock(joining);
    light.finite = light.finite && worst < kInfinite;
    for (int c = 0; c < 3; ++c) light.largest[c] = std::max(light.largest[c], largest[c]);
    for (std::size_t i = 0; i < bins; ++i) light.histogram[i] += histogram[i];
  });
  double sum = 0;
  for (const double row : sums) sum += row;
  light.mean_nits = sum / static_cast<double>(height * width);
  for (float& signal : light.largest) signal = std::min(signal, 1.0f);
  return light;
}

}  // namespace

LightOfFrame light_of_frame(const float* rgb, std::size_t height, std::size_t width, std::size_t bins,
                            unsigned threads) {
  const std::size_t plane = height * width;
  return light_of_rows(height, width, bins, threads, [=] {
    return [=](std::size_t line) {
      const float* red = rgb + line * width;
      return std::array<const float*, 3>{red, red + plane, red + 2 * plane};
    };
  });
}

LightOfFrame light_of_codes(const YuvPlanes<std::uint16_t>& planes, std::size_t height, std::size_t width,
                            const YuvCoding& coding, std::size_t bins, unsigned threads) {
  return light_of_rows(height, width, bins, threads, [&] {
    return [rows = YuvRows<std::uint16_t>(planes, height, width, coding), rgb = std::vector<float>(3 * width),
            width](std::size_t line) mutable {
      float *r = rgb.data(), *g = r + width, *b = g + width;
      rows.rgb(line, r, g, b);
      return std::array<const float*, 3>{r, g, b};
    };
  });
}

}  // namespace lumaflux
