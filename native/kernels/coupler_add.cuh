// The HDR residual coupler with its residual (paper section 3.3, eq. 7), in one launch:
//
//   y[t,c] = z[t,c] + lambda (sum_m b[t,m] physical[c,m] + sum_m b[t,M+m] perceptual[c,m]),   M = BOTTLENECK
//
// A block owns 128 channels, keeps their weights in shared memory and streams tokens past them; its 4 warps take 16
// tokens at a time, each for itself.
//
//                 b: 2M, in registers            channels, 32 at a time
//   tokens 0-15   [ physical | perceptual ]  x   [ physical[c,:] | perceptual[c,:] ]^T  ->  warp 0
//   tokens 16-31  [          |            ]                                             ->  warp 1 ...
//
// mma.m16n8k16: lane l holds 8 neighbouring bottleneck channels 8(l%4).. of each 32, of rows l/4 and l/4+8; the
// weights' rows are held in the same order (a sum does not mind). Four products of 8 columns give a lane channels
// 8(l%4)..+7 of both its rows: column n of product j is channel 8(n/2) + 2j + n%2. Thus z, y, b and the weights move 16
// bytes at a time. Weights lie in shared memory as lanes take them: a warp reads 512 bytes without gaps or conflicts.
//
// A warp asks for b and z of all 128 channels before its first product: 8 KB on their way, which hides the memory's
// latency with few warps.
#include "platform.cuh"

#ifndef ELEMENT
#define ELEMENT Half
#endif
#ifndef BOTTLENECK
#define BOTTLENECK 64
#endif
#ifndef WIDE_RESULT
#define WIDE_RESULT 0  // 1: y in fp32, to see the arithmetic without the rounding of the result
#endif

namespace {

constexpr unsigned kWarps = 4, kThreads = 32 * kWarps, kTokens = 16;  // of a warp at a time
constexpr unsigned kChannels = 128, kSteps = kChannels / 32, kTiles = 4, kChunks = 2 * BOTTLENECK / 32;
static_assert(BOTTLENECK % 32 == 0, "a chunk of 32 lies in one of the two weights");

#if WIDE_RESULT
using Result = float;
#else
using Result = unsigned short;
#endif

struct Weights {
  Eight of_lanes[kSteps][kTiles][kChunks][32];
};

// Weights of the channels `begin`..; zeros beyond the last.
__device__ __forceinline__ void stage(Weights& weights, const unsigned short* physical,
                                      const unsigned short* perceptual, unsigned begin, unsigned d) {
  const unsigned lane = threadIdx.x % 32, column = lane / 4;
#pragma unroll 8
  for (unsigned turn = 0; turn < kSteps * kTiles * kChunks / kWarps; ++turn) {
    const unsigned index = turn * kWarps + threadIdx.x / 32;
    const unsigned chunk = index % kChunks, tile = index / kChunks % kTiles, step = index / (kChunks * kTiles);
    const unsigned channel = begin + 32 * step + 8 * (column / 2) + 2 * tile + column % 2;
    const unsigned short* map = chunk < kChunks / 2 ? physical : perceptual;
    const size_t from = static_cast<size_t>(channel) * BOTTLENECK + 32 * (chunk % (kChunks / 2)) + 8 * (lane % 4);
    weights.of_lanes[step][tile][chunk][lane] = channel < d ? load_eight(map + from) : zero_eight();
  }
}

}  // namespace

// z, y [B,T,d]; bottlenecks [B,T,2M]; physical, perceptual [d,M]; coupling [B] in fp32. z's pictures begin picture_step
// apart (a part of longer rows of tokens), couplings number_step.
// grid (any, which share the tokens; B; ceil(d/128)), 128 threads.
extern "C" __global__ void __launch_bounds__(128, 4)
    coupler_add(const unsigned short* z, const unsigned short* bottlenecks, const unsigned short* physical,
                const unsigned short* perceptual, const float* coupling, Result* y, int tokens, int width,
                int picture_step, int number_step) {
  LUMAFLUX_SHARED(Weights, weights);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, picture = blockIdx.y, d = width, count = tokens;
  const unsigned begin = blockIdx.z * kChannels, own = begin + 8 * (lane % 4);  // its first channel, the lane's first
  const size_t image = static_cast<size_t>(picture) * count;
  const float weight = coupling[static_cast<size_t>(picture) * number_step];
  const unsigned short* hidden = z + static_cast<size_t>(picture) * picture_step;
  stage(weights, physical, perceptual, begin, d);
  __syncthreads();

  for (unsigned group = blockIdx.x * kWarps + warp; group * kTokens < count; group += gridDim.x * kWarps) {
    const unsigned rows[2] = {group * kTokens + lane / 4, group * kTokens + lane / 4 + 8};
    Eight b[2][kChunks], onto[2][kSteps];
#pragma unroll
    for (unsigned which = 0; which < 2; ++which) {
      const size_t row = rows[which];
      const bool has = row < count;
#pragma unroll
      for (unsigned step = 0; step < kSteps; ++step) {
        const unsigned channel = own + 32 * step;
        onto[which][step] = has && channel < d ? load_eight(hidden + row * d + channel) : zero_eight();
      }
#pragma unroll
      for (unsigned chunk = 0; chunk < kChunks; ++chunk) {
        const unsigned short* from = bottlenecks + (image + row) * 2 * BOTTLENECK + 32 * chunk + 8 * (lane % 4);
        b[which][chunk] = has ? load_eight(from) : zero_eight();
      }
    }
#pragma unroll
    for (unsigned step = 0; step < kSteps; ++step) {
      float sums[kTiles][4] = {};
#pragma unroll
      for (unsigned chunk = 0; chunk < kChunks; ++chunk) {
#pragma unroll
        for (unsigned tile = 0; tile < kTiles; ++tile) {
          const Eight w = weights.of_lanes[step][tile][chunk][lane];
#pragma unroll
          for (unsigned half = 0; half < 2; ++half) {
            mma_m16n8k16<ELEMENT>(sums[tile],
                                  {b[0][chunk].pairs[2 * half], b[1][chunk].pairs[2 * half],
                                   b[0][chunk].pairs[2 * half + 1], b[1][chunk].pairs[2 * half + 1]},
                                  {w.pairs[2 * half], w.pairs[2 * half + 1]});
          }
        }
      }
      const unsigned channel = own + 32 * step;
#pragma unroll
      for (unsigned which = 0; which < 2; ++which) {
        if (channel >= d || rows[which] >= count) continue;
        float out[8];
#pragma unroll
        for (unsigned pair = 0; pair < 4; ++pair) {
          const float2 base = unpack<ELEMENT>(onto[which][step].pairs[pair]);
          out[2 * pair] = base.x + weight * sums[pair][2 * which];
          out[2 * pair + 1] = base.y + weight * sums[pair][2 * which + 1];
        }
        store_result<ELEMENT>(y + (image + rows[which]) * d + channel, out);
      }
      __syncwarp();  // the next product takes the whole warp
    }
  }
}
