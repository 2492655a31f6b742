#include "cpu/strokes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/light.h"
#include "cpu/rows.h"
#include "cpu/yuv_rows.h"

namespace lumaflux {
namespace {

constexpr std::ptrdiff_t kEdge = 3;
constexpr double kEnded = 0.35;

// As torch adds up luma: fused, so that it has the same bits.
LUMAFLUX_DISPATCH void codes_of_row(const float* r, const float* g, const float* b, std::size_t width, float red,
                                    float green, float blue, std::uint8_t* luma, std::uint8_t* darkest) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const float sum = std::fma(b[i], blue, std::fma(g[i], green, red * r[i]));
    luma[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(sum + 0.5f));
    darkest[i] =
        static_cast<std::uint8_t>(static_cast<std::int32_t>(smaller(smaller(r[i], g[i]), b[i]) * 255.0f + 0.5f));
  }
}

LUMAFLUX_DISPATCH void ends_of_row(const std::uint8_t* codes, std::size_t width, std::uint8_t* low,
                                   std::uint8_t* high) {
  std::uint8_t least = 255, most = 0;
  for (std::size_t i = 0; i < width; ++i) least = std::min(least, codes[i]), most = std::max(most, codes[i]);
  *low = least, *high = most;
}

// `out` may not overlap `in`.
LUMAFLUX_DISPATCH void least_of_two(const std::uint8_t* in, std::size_t apart, std::size_t count, std::uint8_t* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = std::min(in[i], in[i + apart]);
}

LUMAFLUX_DISPATCH void raised_row(const std::uint8_t* codes, const std::uint8_t* before, const std::uint8_t* after,
                                  std::size_t width, const StrokeRule& rule, std::uint8_t* ground,
                                  std::uint8_t* raised) {
  const std::uint8_t least = rule.least, most = rule.ground, contrast = rule.contrast;
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) {
    const std::uint8_t under = std::max(before[i], after[i]);
    ground[i] = under;
    const auto above = static_cast<std::uint8_t>(codes[i] - under);
    raised[i] = static_cast<std::uint8_t>((above >= contrast) & (codes[i] >= least) & (under <= most));
  }
}

// A row's runs are found in these.
struct Row {
  explicit Row(std::size_t width, std::size_t reach)
      : wide(width + 2 * reach), other(wide.size()), ground(width), raised(width + 1) {}
  std::vector<std::uint8_t> wide, other, ground, raised;
};

// Where the row is raised above its surroundings.
void find_raised(const std::uint8_t* codes, std::size_t width, const StrokeRule& rule, Row& row) {
  const std::size_t reach = rule.reach, length = row.wide.size();
  std::fill(row.wide.begin(), row.wide.end(), std::uint8_t{255});
  std::memcpy(row.wide.data() + reach, codes, width);
  std::size_t seen = 1;  // samples that begin at each
  while (seen <= reach) {
    const std::size_t step = std::min(seen, reach + 1 - seen);
    least_of_two(row.wide.data(), step, length - step, row.other.data());
    std::memcpy(row.other.data() + length - step, row.wide.data() + length - step, step);
    row.wide.swap(row.other);
    seen += step;
  }
  // The darkest of `reach` samples and the one at i begin at i before it, and at itself.
  raised_row(codes, row.wide.data(), row.wide.data() + reach, width, rule, row.ground.data(), row.raised.data());
}

}  // namespace

void sampled_codes(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                   const YuvCoding& coding, const std::array<float, 3>& weights, std::size_t down, std::size_t across,
                   std::uint8_t* luma, std::uint8_t* darkest, unsigned threads) {
  const std::size_t columns = (width + across - 1) / across;
  over_rows((height + down - 1) / down, threads, [&](std::size_t begin, std::size_t end) {
    YuvRows<std::uint8_t> rows(planes, height, width, coding);
    std::vector<float> rgb(3 * width);
    float *r = rgb.data(), *g = r + width, *b = g + width;
    for (std::size_t line = begin; line < end; ++line) {
      rows.rgb(line * down, r, g, b);
      for (std::size_t i = 1; across > 1 && i < columns; ++i)
        r[i] = r[i * across], g[i] = g[i * across], b[i] = b[i * across];
      codes_of_row(r, g, b, columns, weights[0], weights[1], weights[2], luma + line * columns,
                   darkest + line * columns);
    }
  });
}

StrokeRuns stroke_runs(const std::uint8_t* codes, const std::uint8_t* darkest, std::size_t height, std::size_t width,
                       const StrokeRule& rule) {
  StrokeRuns runs;
  Row found(width, rule.reach);
  const auto last = static_cast<std::ptrdiff_t>(width) - 1;
  for (std::size_t y = 0; y < height; ++y) {
    const std::uint8_t *line = codes + y * width, *dark = darkest + y * width;
    std::uint8_t low = 0, high = 0;
    ends_of_row(line, width, &low, &high);
    if (high - low < rule.contrast || high < rule.least || low > rule.ground) continue;
    find_raised(line, width, rule, found);
    found.raised[width] = 0;  // where a run that reaches the border ends
    const std::uint8_t *mask = found.raised.data(), *end = mask + width;
    for (const std::uint8_t* at = mask;;) {
      const void* next = std::memchr(at, 1, static_cast<std::size_t>(end - at));
      if (next == nullptr) break;
      const auto* first = static_cast<const std::uint8_t*>(next);
      at = static_cast<const std::uint8_t*>(std::memchr(first, 0, static_cast<std::size_t>(end - first) + 1));
      const std::ptrdiff_t start = first - mask, stop = at - mask;
      const double peak = *std::max_element(line + start, line + stop);
      const double under = *std::min_element(found.ground.data() + start, found.ground.data() + stop);
      const double limit = under + kEnded * (peak - under);
      int ended = 0;
      for (const auto& [side, way] : {std::pair{start, std::ptrdiff_t{-1}}, std::pair{stop - 1, std::ptrdiff_t{1}}}) {
        std::uint8_t beside = 255;
        for (std::ptrdiff_t step = 1; step <= kEdge; ++step)
          beside = std::min(beside, line[std::clamp<std::ptrdiff_t>(side + way * step, 0, last)]);
        ended += beside <= limit;
      }
      runs.row.push_back(static_cast<std::int64_t>(y));
      runs.start.push_back(start);
      runs.stop.push_back(stop);
      runs.peak.push_back(peak);
      runs.under.push_back(under);
      runs.darkest.push_back(*std::max_element(dark + start, dark + stop));
      runs.ended.push_back(ended);
    }
  }
  return runs;
}

}  // namespace lumaflux
