// PGA, the gated low-rank update of a block's value projection (paper section 3.3, eq. 5), in one launch:
//
//   y[t,c] = value[t,c] + gate[t,h] (1 + gain spectral[h]) (alpha sum_r (sum_k x[t,k] down[r,k]) up[c,r] + beta x[t,c])
//
// A block owns 64 tokens of one picture; 16 warps: warp w works on tokens 16(w%4).. and on channel part w/4.
//
//              channels d: part 0 | part 1 | part 2 | part 3              rank (8, 16 or 32)
//   tokens 0-15   warp 0  | warp 4 | warp 8 | warp 12     --(1)-->   four partial [16, rank], fp32,
//   tokens 16-31  warp 1  | warp 5 | warp 9 | warp 13                summed through shared memory
//   tokens 32-47  warp 2  | warp 6 | warp 10| warp 14     <--(2)--   and taken as operands as they lie
//   tokens 48-63  warp 3  | warp 7 | warp 11| warp 15
//
// (1) mma.m16n8k16 on x and down. Lane l holds 8 neighbouring channels 8(l%4).. of rows l/4 and l/4+8, one 16-byte load
//     each; a sum does not mind its order, so that registers 0-1 and 2-3 stand for the operands' k of two products:
//
//       channels of 32:   | lane%4=0: 0..7 | =1: 8..15 | =2: 16..23 | =3: 24..31 |
//       product 0 takes the first 4 of each 8, product 1 the last 4; down[rank l/4] is read in the same order
//
// (2) mma.m16n8k8 in tf32: fp32 sums lose no range to fp16, and factors of 16 bits are exact. An accumulator holds
//     ranks 2(l%4), +1; they stand for k = l%4 and l%4+4. Four products give a lane channels 8(l%4)..+7 of both rows:
//     x, value and y move 16 bytes at a time.
//
// Factors are padded with zeros to RANK. d and head sizes are multiples of 8; tokens and channels end anywhere.
#include "platform.cuh"

#ifndef ELEMENT
#define ELEMENT Half
#endif
#ifndef RANK
#define RANK 16
#endif
#ifndef NODE
#define NODE 0  // 1: the ONNX function's inputs, in the order of an engine's plugin; factors down [d,RANK], up [RANK,d]
#endif
#ifndef WIDE_RESULT
#define WIDE_RESULT 0  // 1: y in fp32, to see the arithmetic without the rounding of the result
#endif

namespace {

constexpr unsigned kTokens = 64, kRowGroups = 4, kParts = 4, kRankTiles = RANK / 8;
constexpr unsigned kAhead = NODE ? 1 : 2;  // chunks whose loads are under way at a time, as registers allow

struct Partial {
  float sums[kParts][kTokens][RANK + 4];  // 4 more: rows begin in different banks
};

// The factor's pair of ranks 2(l%4), +1 of one channel, or its channels in a row, whichever way it lies in memory.
struct Factors {
  const unsigned short *down, *up;
  unsigned width;

  __device__ __forceinline__ Eight down_channels(unsigned rank, unsigned channel) const {
    if (!NODE) return load_eight(down + static_cast<size_t>(rank) * width + channel);
    Eight numbers;
    for (unsigned pair = 0; pair < 4; ++pair) {
      const unsigned short* from = down + static_cast<size_t>(channel + 2 * pair) * RANK + rank;
      numbers.pairs[pair] = from[0] | static_cast<unsigned>(from[RANK]) << 16;
    }
    return numbers;
  }

  __device__ __forceinline__ unsigned up_ranks(unsigned channel, unsigned rank) const {
    if (!NODE) return *reinterpret_cast<const unsigned*>(up + static_cast<size_t>(channel) * RANK + rank);
    const unsigned short* from = up + static_cast<size_t>(rank) * width + channel;
    return from[0] | static_cast<unsigned>(from[width]) << 16;
  }
};

#if WIDE_RESULT
using Result = float;
#else
using Result = unsigned short;
#endif

__device__ __forceinline__ void update(const unsigned short* x, const unsigned short* value, const unsigned short* down,
                                       const unsigned short* up, float scale, float direct, float strength,
                                       const unsigned short* gate, const unsigned short* spectral, Result* y,
                                       int tokens, int width, int heads) {
  LUMAFLUX_SHARED(Partial, partial);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, picture = blockIdx.y;
  const unsigned group = warp % kRowGroups, part = warp / kRowGroups;
  const unsigned d = width, count = tokens, head_size = d / heads;
  const unsigned part_channels = (d + 32 * kParts - 1) / (32 * kParts) * 32;
  const unsigned begin = part * part_channels, end = begin + part_channels < d ? begin + part_channels : d;
  const unsigned row = group * 16 + lane / 4;  // and row + 8
  const unsigned first = blockIdx.x * kTokens + row, second = first + 8;
  const bool has_first = first < count, has_second = second < count;
  const size_t image = static_cast<size_t>(picture) * count;
  const unsigned short* x_first = x + (image + first) * d;
  const unsigned short* x_second = x + (image + second) * d;
  const Factors factors{down, up, d};

  float sums[kRankTiles][4] = {};
#pragma unroll kAhead
  for (unsigned chunk = begin; chunk < end; chunk += 32) {
    const unsigned channel = chunk + 8 * (lane % 4);
    const bool inside = channel < end;
    const Eight a0 = inside && has_first ? load_eight(x_first + channel) : zero_eight();
    const Eight a1 = inside && has_second ? load_eight(x_second + channel) : zero_eight();
#pragma unroll
    for (unsigned tile = 0; tile < kRankTiles; ++tile) {
      const Eight b = inside ? factors.down_channels(8 * tile + lane / 4, channel) : zero_eight();
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) {
        mma_m16n8k16<ELEMENT>(sums[tile],
                              {a0.pairs[2 * half], a1.pairs[2 * half], a0.pairs[2 * half + 1], a1.pairs[2 * half + 1]},
                              {b.pairs[2 * half], b.pairs[2 * half + 1]});
      }
    }
  }

#pragma unroll
  for (unsigned tile = 0; tile < kRankTiles; ++tile) {
    const unsigned rank = 8 * tile + 2 * (lane % 4);
#pragma unroll
    for (unsigned index = 0; index < 4; ++index) {
      partial.sums[part][row + 8 * (index / 2)][rank + index % 2] = sums[tile][index];
    }
  }
  __syncthreads();

  unsigned narrow[kRankTiles][4];
#pragma unroll
  for (unsigned tile = 0; tile < kRankTiles; ++tile) {
    const unsigned rank = 8 * tile + 2 * (lane % 4);
#pragma unroll
    for (unsigned index = 0; index < 4; ++index) {  // operand a: rows l/4, l/4+8 of k l%4, then of k l%4+4
      float sum = 0;
#pragma unroll
      for (unsigned from = 0; from < kParts; ++from) sum += partial.sums[from][row + 8 * (index % 2)][rank + index / 2];
      narrow[tile][index] = tf32(scale * sum);
    }
  }

  for (unsigned chunk = begin; chunk < end; chunk += 32) {
    float wide[4][4] = {};
#pragma unroll
    for (unsigned tile = 0; tile < 4; ++tile) {
      const unsigned column = lane / 4, channel = chunk + 8 * (column / 2) + 2 * tile + column % 2;
#pragma unroll
      for (unsigned k = 0; k < kRankTiles; ++k) {
        const float2 ranks = unpack<ELEMENT>(channel < end ? factors.up_ranks(channel, 8 * k + 2 * (lane % 4)) : 0);
        mma_m16n8k8_tf32(wide[tile], narrow[k], {bits_of_float(ranks.x), bits_of_float(ranks.y)});
      }
    }
    const unsigned channel = chunk + 8 * (lane % 4);
    const bool inside = channel < end;
    const unsigned head = inside ? channel / head_size : 0;
    const float spectrum =
        spectral ? 1 + strength * ELEMENT::widen(spectral[static_cast<size_t>(picture) * heads + head]) : 1;
#pragma unroll
    for (unsigned which = 0; which < 2; ++which) {
      if (!inside || !(which ? has_second : has_first)) continue;
      const size_t token = image + (which ? second : first);
      const float factor = ELEMENT::widen(gate[token * heads + head]) * spectrum;
      const Eight own = load_eight(x + token * d + channel), base = load_eight(value + token * d + channel);
      float out[8];
#pragma unroll
      for (unsigned pair = 0; pair < 4; ++pair) {
        const float2 from = unpack<ELEMENT>(own.pairs[pair]), onto = unpack<ELEMENT>(base.pairs[pair]);
        out[2 * pair] = onto.x + factor * (wide[pair][2 * which] + direct * from.x);
        out[2 * pair + 1] = onto.y + factor * (wide[pair][2 * which + 1] + direct * from.y);
      }
      store_result<ELEMENT>(y + token * d + channel, out);
    }
    __syncwarp();  // the next product takes the whole warp
  }
}

}  // namespace

// x, value, y [B,T,d]; gate [B,T,h]; numbers by picture [B]. All of 16 bits but fp32 numbers of torch's operator.
// grid (ceil(T/64), B), 512 threads.
#if NODE
extern "C" __global__ void __launch_bounds__(512, 1)
    gated_low_rank(const unsigned short* x, const unsigned short* value, const unsigned short* down,
                   const unsigned short* up, const unsigned short* alpha, const unsigned short* beta,
                   const unsigned short* gate, int tokens, int width, int heads, Result* y) {
  const unsigned picture = blockIdx.y;
  update(x, value, down, up, ELEMENT::widen(alpha[picture]), ELEMENT::widen(beta[picture]), 0, gate, nullptr, y, tokens,
         width, heads);
}
#else
// spectral [B,h] and gain, or null: then G is the gate. Numbers of neighbouring pictures lie number_step apart.
extern "C" __global__ void __launch_bounds__(512)
    gated_low_rank(const unsigned short* x, const unsigned short* value, const unsigned short* down,
                   const unsigned short* up, const float* alpha, const float* beta, const float* gain,
                   const unsigned short* gate, const unsigned short* spectral, Result* y, int tokens, int width,
                   int heads, int number_step) {
  const size_t number = static_cast<size_t>(blockIdx.y) * number_step;
  update(x, value, down, up, alpha[number], beta[number], gain ? gain[number] : 0, gate, spectral, y, tokens, width,
         heads);
}
#endif
