// The HDR residual coupler with its residual (paper section 3.3, eq. 7), in one launch:
//
//   y[t,c] = z[t,c] + lambda (sum_m b[t,m] physical[c,m] + sum_m b[t,M+m] perceptual[c,m]),   M = BOTTLENECK
//
// A block owns 64 tokens of one picture and a part of the channels; its 4 warps own 16 tokens each.
//
//                 b: 2M, in registers            channels, 32 at a time
//   tokens 0-15   [ physical | perceptual ]  x   [ physical[c,:] | perceptual[c,:] ]^T  ->  warp 0
//   tokens 16-31  [          |            ]                                             ->  warp 1 ...
//
// mma.m16n8k16: lane l holds 8 neighbouring bottleneck channels 8(l%4).. of each 32, of rows l/4 and l/4+8; the
// weights' rows are read in the same order (a sum does not mind). Four products of 8 columns give a lane channels
// 8(l%4)..+7 of both its rows: column n of product j is channel 8(n/2) + 2j + n%2. Thus z, y, b and the weights move 16
// bytes at a time.
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

constexpr unsigned kTokens = 64, kChunks = 2 * BOTTLENECK / 32;
static_assert(BOTTLENECK % 32 == 0, "a chunk of 32 lies in one of the two weights");

#if WIDE_RESULT
using Result = float;
__device__ __forceinline__ void store_result(float* to, const float (&y)[8]) {
  for (unsigned index = 0; index < 8; ++index) to[index] = y[index];
}
#else
using Result = unsigned short;
__device__ __forceinline__ void store_result(unsigned short* to, const float (&y)[8]) {
  Eight numbers;
  for (unsigned pair = 0; pair < 4; ++pair) numbers.pairs[pair] = pack<ELEMENT>(y[2 * pair], y[2 * pair + 1]);
  store_eight(to, numbers);
}
#endif

}  // namespace

// z, y [B,T,d]; bottlenecks [B,T,2M]; physical, perceptual [d,M]; coupling [B] in fp32. z's pictures begin picture_step
// apart (a part of longer rows of tokens), couplings number_step.
// grid (ceil(T/64), B, parts of the channels), 128 threads.
extern "C" __global__ void __launch_bounds__(128)
    coupler_add(const unsigned short* z, const unsigned short* bottlenecks, const unsigned short* physical,
                const unsigned short* perceptual, const float* coupling, Result* y, int tokens, int width,
                int picture_step, int number_step) {
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, picture = blockIdx.y, d = width, count = tokens;
  const unsigned part_channels = (d + 32 * gridDim.z - 1) / (32 * gridDim.z) * 32;
  const unsigned begin = blockIdx.z * part_channels, end = begin + part_channels < d ? begin + part_channels : d;
  const unsigned first = blockIdx.x * kTokens + 16 * warp + lane / 4, second = first + 8;
  const bool has_first = first < count, has_second = second < count;
  const size_t image = static_cast<size_t>(picture) * count;
  const float weight = coupling[static_cast<size_t>(picture) * number_step];
  const unsigned short* hidden = z + static_cast<size_t>(picture) * picture_step;

  Eight b0[kChunks], b1[kChunks];
#pragma unroll
  for (unsigned chunk = 0; chunk < kChunks; ++chunk) {
    const unsigned from = 32 * chunk + 8 * (lane % 4);
    b0[chunk] = has_first ? load_eight(bottlenecks + (image + first) * 2 * BOTTLENECK + from) : zero_eight();
    b1[chunk] = has_second ? load_eight(bottlenecks + (image + second) * 2 * BOTTLENECK + from) : zero_eight();
  }

  for (unsigned block = begin; block < end; block += 32) {
    float sums[4][4] = {};
#pragma unroll
    for (unsigned tile = 0; tile < 4; ++tile) {
      const unsigned column = lane / 4, channel = block + 8 * (column / 2) + 2 * tile + column % 2;
#pragma unroll
      for (unsigned chunk = 0; chunk < kChunks; ++chunk) {
        const unsigned short* map = chunk < kChunks / 2 ? physical : perceptual;
        const unsigned from = 32 * (chunk % (kChunks / 2)) + 8 * (lane % 4);
        const Eight w =
            channel < end ? load_eight(map + static_cast<size_t>(channel) * BOTTLENECK + from) : zero_eight();
#pragma unroll
        for (unsigned half = 0; half < 2; ++half) {
          mma_m16n8k16<ELEMENT>(sums[tile],
                                {b0[chunk].pairs[2 * half], b1[chunk].pairs[2 * half], b0[chunk].pairs[2 * half + 1],
                                 b1[chunk].pairs[2 * half + 1]},
                                {w.pairs[2 * half], w.pairs[2 * half + 1]});
        }
      }
    }
    const unsigned channel = block + 8 * (lane % 4);
#pragma unroll
    for (unsigned which = 0; which < 2; ++which) {
      if (channel >= end || !(which ? has_second : has_first)) continue;
      const size_t token = which ? second : first, at = (image + token) * d + channel;
      const Eight onto = load_eight(hidden + token * d + channel);
      float out[8];
#pragma unroll
      for (unsigned pair = 0; pair < 4; ++pair) {
        const float2 base = unpack<ELEMENT>(onto.pairs[pair]);
        out[2 * pair] = base.x + weight * sums[pair][2 * which];
        out[2 * pair + 1] = base.y + weight * sums[pair][2 * which + 1];
      }
      store_result(y + at, out);
    }
    __syncwarp();  // the next product takes the whole warp
  }
}
