// The gated low-rank update: a token's row stays in the nearest cache between its two products.
//
//   x[t, :]  --down-->  narrow[rank]  --up-->  + beta x  --gate of head-->  + value[t, :]
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/adapters.h"
#include "cpu/light.h"
#include "cpu/rows.h"

namespace lumaflux {
namespace {

constexpr std::size_t kLanes = 8, kTile = 8;  // channels and ranks that are worked on together
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using Loose =
    float __attribute__((vector_size(kLanes * sizeof(float)), aligned(alignof(float)), may_alias));  // in memory

LUMAFLUX_INLINE void load(const float* from, Lanes& to) { to = *reinterpret_cast<const Loose*>(from); }

LUMAFLUX_INLINE float sum_of(const Lanes& own) {
  alignas(sizeof(Lanes)) float numbers[kLanes];
  std::memcpy(numbers, &own, sizeof numbers);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) numbers[lane] += numbers[lane + half];
  }
  return numbers[0];
}

struct Update {
  const float *x, *value, *down, *up, *gate, *spectrum;  // down and up by rank: [ranks, channels], ranks of whole tiles
  std::size_t ranks;
  float alpha, beta;
  TokenPlanes planes;
  float* y;
};

// narrow[0..7] = alpha down[0..7, :] x
LUMAFLUX_INLINE void narrow_tile(const float* x, const float* down, std::size_t channels, float alpha, float* narrow) {
  Lanes sums[kTile] = {};
  std::size_t channel = 0;
  for (; channel + kLanes <= channels; channel += kLanes) {
    Lanes own, factors;
    load(x + channel, own);
#pragma GCC unroll 8
    for (std::size_t rank = 0; rank < kTile; ++rank) {
      load(down + rank * channels + channel, factors);
      sums[rank] += own * factors;
    }
  }
#pragma GCC unroll 8
  for (std::size_t rank = 0; rank < kTile; ++rank) {
    float sum = sum_of(sums[rank]);
    for (std::size_t rest = channel; rest < channels; ++rest) sum += x[rest] * down[rank * channels + rest];
    narrow[rank] = alpha * sum;
  }
}

// Eight channels of y.
LUMAFLUX_INLINE void widen(const Update& all, const float* x, const float* value, const float* narrow, const float* up,
                           float factor, float* y) {
  Lanes own, base, factors;
  load(x, own);
  load(value, base);
  Lanes wide = all.beta * own;
  for (std::size_t tile = 0; tile < all.ranks; tile += kTile) {
#pragma GCC unroll 8
    for (std::size_t rank = tile; rank < tile + kTile; ++rank) {
      load(up + rank * all.planes.channels, factors);
      wide += narrow[rank] * factors;
    }
  }
  *reinterpret_cast<Loose*>(y) = base + factor * wide;
}

LUMAFLUX_DISPATCH void update_tokens(const Update& all, std::size_t begin, std::size_t end, float* narrow) {
  const std::size_t d = all.planes.channels, head = d / all.planes.heads;
  for (std::size_t token = begin; token < end; ++token) {
    const std::size_t row = token * d;
    for (std::size_t tile = 0; tile < all.ranks; tile += kTile) {
      narrow_tile(all.x + row, all.down + tile * d, d, all.alpha, narrow + tile);
    }
    for (std::size_t which = 0; which < all.planes.heads; ++which) {
      const float factor = all.gate[token * all.planes.heads + which] * all.spectrum[which];
      std::size_t channel = which * head;
      const std::size_t last = channel + head;
      for (; channel + kLanes <= last; channel += kLanes) {
        const std::size_t at = row + channel;
        widen(all, all.x + at, all.value + at, narrow, all.up + channel, factor, all.y + at);
      }
      for (; channel < last; ++channel) {
        float wide = all.beta * all.x[row + channel];
        for (std::size_t rank = 0; rank < all.ranks; ++rank) wide += narrow[rank] * all.up[rank * d + channel];
        all.y[row + channel] = all.value[row + channel] + factor * wide;
      }
    }
  }
}

}  // namespace

void gated_low_rank(const float* x, const float* value, const float* down, const float* up, std::size_t rank,
                    float alpha, float beta, const float* gate, const float* spectrum, const TokenPlanes& planes,
                    float* y, unsigned threads) {
  const std::size_t d = planes.channels, ranks = (rank + kTile - 1) / kTile * kTile;
  std::vector<float> whole_down(ranks * d), whole_up(ranks * d);
  std::copy_n(down, rank * d, whole_down.begin());
  for (std::size_t channel = 0; channel < d; ++channel) {
    for (std::size_t index = 0; index < rank; ++index) whole_up[index * d + channel] = up[channel * rank + index];
  }
  const Update all{x, value, whole_down.data(), whole_up.data(), gate, spectrum, ranks, alpha, beta, planes, y};
  over_rows(planes.tokens, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> narrow(ranks);
    update_tokens(all, begin, end, narrow.data());
  });
}

}  // namespace lumaflux
