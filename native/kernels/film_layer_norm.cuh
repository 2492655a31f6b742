// PCM: FiLM on the normalised hidden state, in its residual form (paper section 3.3, eq. 6), in one reading of it:
//
//   y[t,c] = h[t,c] + zeta[c] + gamma[c] (h[t,c] - mean[t]) / sqrt(variance[t] + 1e-5)
//   gamma[c] = alpha film[c] + beta,   zeta[c] = alpha film[d + c] + beta
//
// A block of 128 threads owns one token and keeps it in registers; VECTORS = ceil(d / 1024).
//
//   channels   0..7     8..15         1016..1023 | 1024..1031         | ...
//   thread     0        1        ...  127        | 0           ...    |      16 bytes each, VECTORS times
//
//   mean:      registers -> shuffles in a warp -> four sums in shared memory -> every thread
//   variance:  the same with squared distances from the mean: two passes over registers, none over memory
#include "platform.cuh"

#ifndef ELEMENT
#define ELEMENT Half
#endif
#ifndef VECTORS
#define VECTORS 3
#endif

namespace {

constexpr unsigned kThreads = 128, kWarps = kThreads / 32;

struct Sums {
  float of_warp[2][kWarps];
};

__device__ __forceinline__ float sum_of_block(float value, float (&of_warp)[kWarps]) {
#pragma unroll
  for (unsigned mask = 16; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (unsigned warp = 0; warp < kWarps; ++warp) sum += of_warp[warp];
  return sum;
}

}  // namespace

// hidden, y [B,T,d]; film [B,2d]; alpha, beta [B] in fp32. hidden's pictures begin picture_step apart, alpha's and
// beta's numbers number_step. grid (T, B), 128 threads.
extern "C" __global__ void __launch_bounds__(128)
    film_layer_norm(const unsigned short* hidden, const unsigned short* film, const float* alpha, const float* beta,
                    unsigned short* y, int tokens, int width, int picture_step, int number_step) {
  LUMAFLUX_SHARED(Sums, sums);
  const unsigned d = width, picture = blockIdx.y;
  const size_t token = (static_cast<size_t>(picture) * tokens + blockIdx.x) * d;
  const unsigned short* from =
      hidden + static_cast<size_t>(picture) * picture_step + static_cast<size_t>(blockIdx.x) * d;
  const unsigned short* modulation = film + static_cast<size_t>(picture) * 2 * d;
  Eight own[VECTORS];
  float sum = 0;
#pragma unroll
  for (unsigned vector = 0; vector < VECTORS; ++vector) {
    const unsigned channel = 8 * (vector * kThreads + threadIdx.x);
    own[vector] = channel < d ? load_eight(from + channel) : zero_eight();
#pragma unroll
    for (unsigned pair = 0; pair < 4; ++pair) {
      const float2 numbers = unpack<ELEMENT>(own[vector].pairs[pair]);
      sum += numbers.x + numbers.y;
    }
  }
  const float mean = sum_of_block(sum, sums.of_warp[0]) / d;
  float squares = 0;
#pragma unroll
  for (unsigned vector = 0; vector < VECTORS; ++vector) {
    if (8 * (vector * kThreads + threadIdx.x) >= d) continue;
#pragma unroll
    for (unsigned pair = 0; pair < 4; ++pair) {
      const float2 numbers = unpack<ELEMENT>(own[vector].pairs[pair]);
      squares += (numbers.x - mean) * (numbers.x - mean) + (numbers.y - mean) * (numbers.y - mean);
    }
  }
  const float scale = 1.0f / sqrtf(sum_of_block(squares, sums.of_warp[1]) / d + 1e-5f);
  const size_t number = static_cast<size_t>(picture) * number_step;
  const float share = alpha[number], offset = beta[number];
#pragma unroll
  for (unsigned vector = 0; vector < VECTORS; ++vector) {
    const unsigned channel = 8 * (vector * kThreads + threadIdx.x);
    if (channel >= d) continue;
    const Eight gammas = load_eight(modulation + channel), zetas = load_eight(modulation + d + channel);
    Eight out;
#pragma unroll
    for (unsigned pair = 0; pair < 4; ++pair) {
      const float2 numbers = unpack<ELEMENT>(own[vector].pairs[pair]);
      const float2 gamma = unpack<ELEMENT>(gammas.pairs[pair]), zeta = unpack<ELEMENT>(zetas.pairs[pair]);
      out.pairs[pair] = pack<ELEMENT>(
          numbers.x + (share * zeta.x + offset) + (share * gamma.x + offset) * ((numbers.x - mean) * scale),
          numbers.y + (share * zeta.y + offset) + (share * gamma.y + offset) * ((numbers.y - mean) * scale));
    }
    store_eight(y + token + channel, out);
  }
}
