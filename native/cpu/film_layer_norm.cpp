// FiLM on the normalised hidden state: mean, variance and result of a token's row while it is in the nearest cache.
#include <array>
#include <cmath>

#include "cpu/adapters.h"
#include "cpu/light.h"
#include "cpu/rows.h"

namespace lumaflux {
namespace {

constexpr std::size_t kLanes = 8;

// The sum of (row - from)^power over a row, power 1 or 2, in lanes whose order no thread changes.
template <bool squared>
LUMAFLUX_INLINE float sum_of(const float* row, std::size_t count, float from) {
  std::array<float, kLanes> sums{};
  std::size_t at = 0;
  const auto term = [&](std::size_t index) LUMAFLUX_HOT {
    const float distance = row[index] - from;
    return squared ? distance * distance : distance;
  };
  for (; at + kLanes <= count; at += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += term(at + lane);
  }
  for (std::size_t lane = 0; at + lane < count; ++lane) sums[lane] += term(at + lane);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

LUMAFLUX_DISPATCH void film_tokens(const float* hidden, const float* gamma, const float* zeta, std::size_t channels,
                                   float* y, std::size_t begin, std::size_t end) {
  for (std::size_t token = begin; token < end; ++token) {
    const float* row = hidden + token * channels;
    float* out = y + token * channels;
    const float mean = sum_of<false>(row, channels, 0.0f) / static_cast<float>(channels);
    const float variance = sum_of<true>(row, channels, mean) / static_cast<float>(channels);
    const float scale = 1.0f / std::sqrt(variance + 1e-5f);
    for (std::size_t channel = 0; channel < channels; ++channel) {
      out[channel] = row[channel] + zeta[channel] + gamma[channel] * ((row[channel] - mean) * scale);
    }
  }
}

}  // namespace

void film_layer_norm(const float* hidden, const float* gamma, const float* zeta, const TokenPlanes& planes, float* y,
                     unsigned threads) {
  over_rows(planes.tokens, threads, [&](std::size_t begin, std::size_t end) {
    film_tokens(hidden, gamma, zeta, planes.channels, y, begin, end);
  });
}

}  // namespace lumaflux
