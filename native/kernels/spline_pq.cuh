// The tone field after the VAE in one pass over pixels (paper section 3.5; Durkan et al. 2019, eq. 4):
//
//   R'G'B' in PQ -> clamp to [0,P] -> Y'CbCr (BT.2020, non-constant luminance)
//     Y'    -> P RQS(Y'/P), the monotone spline of the frame's knots     Cb,Cr -> 2x2 matrix and offsets
//   -> R'G'B', clamp to [0,P] -> PQ, and where asked for also cd/m2 (ST 2084)
//
//   memory, planar:   RRRR....  GGGG....  BBBB....     a thread: kRows pixels, one below the other
//   vae_pq may be cut out of a larger picture:   RRRR---- RRRR----   steps from row to row, plane to plane, picture to
//   picture are given; the results lie without gaps
//   shared memory:    a bin of the spline in two vectors, its constants made once a block
#include "pq.cuh"

namespace {

constexpr unsigned kThreads = 128, kRows = 4, kMostBins = 64;
constexpr float kR = 0.2627f, kG = 0.6780f, kB = 0.0593f;  // BT.2020-2, Table 4

// y = base + height (slope theta^2 + d0 cross) / (slope + bend cross), theta = (x - start) scale, cross = theta
// (1-theta); x and y in signals, bend = d0 + d1 - 2 slope. A sum of bins before it says which bin a signal lies in.
struct Curve {
  float4 places[kMostBins];  // start, scale, base, height slope
  float4 bends[kMostBins];   // height d0, slope, bend
};

__device__ __forceinline__ void place_bin(Curve& curve, unsigned bin, const float* x, const float* y, const float* d,
                                          float peak) {
  const float x0 = x[bin], y0 = y[bin], d0 = d[bin], d1 = d[bin + 1];
  const float width = x[bin + 1] - x0, height = y[bin + 1] - y0, slope = height / width;
  curve.places[bin] = {peak * x0, 1 / (peak * width), peak * y0, peak * height * slope};
  curve.bends[bin] = {peak * height * d0, slope, d0 + d1 - 2 * slope, 0.0f};
}

__device__ __forceinline__ float through(const Curve& curve, unsigned bin, float at) {
  const float4 place = curve.places[bin], bend = curve.bends[bin];
  const float theta = (at - place.x) * place.y, cross = theta * (1 - theta);
  return place.z + (place.w * theta * theta + bend.x * cross) * fast_reciprocal(bend.y + bend.z * cross);
}

}  // namespace

// vae_pq, pq, nits [B,3,height,width] in fp32; nits may be null; x, y, d [B,bins+1]; chroma: 2x2 by rows, then two
// offsets. grid (ceil(width/128), ceil(height/4), B), 128 threads; bins at most 64.
extern "C" __global__ void __launch_bounds__(128)
    spline_pq(const float* vae_pq, const float* x, const float* y, const float* d, const float* chroma, float peak_pq,
              float* pq, float* nits, int height, int width, int picture_step, int plane_step, int row_step, int bins) {
  LUMAFLUX_SHARED(Curve, curve);
  const unsigned picture = blockIdx.z, column = blockIdx.x * kThreads + threadIdx.x, first = blockIdx.y * kRows;
  const unsigned w = width, h = height, count = bins;
  const unsigned own = column >= w ? 0 : h - first < kRows ? h - first : kRows;  // pixels of this thread

  float signals[kRows][3] = {};  // asked for before the block waits for its curve
  const float* from = vae_pq + picture * static_cast<size_t>(picture_step) + column;
#pragma unroll
  for (unsigned row = 0; row < kRows; ++row) {
#pragma unroll
    for (unsigned channel = 0; channel < 3; ++channel) {
      if (row < own)
        signals[row][channel] =
            from[static_cast<size_t>(first + row) * row_step + channel * static_cast<size_t>(plane_step)];
    }
  }
  float turn[6];
#pragma unroll
  for (unsigned index = 0; index < 6; ++index) turn[index] = chroma[index];
  if (threadIdx.x < count) {
    const size_t knots = picture * static_cast<size_t>(count + 1);
    place_bin(curve, threadIdx.x, x + knots, y + knots, d + knots, peak_pq);
  }
  __syncthreads();

  float lumas[kRows];
  unsigned bin_of[kRows] = {};
#pragma unroll
  for (unsigned row = 0; row < kRows; ++row) {
#pragma unroll
    for (float& signal : signals[row]) signal = between(signal, 0.0f, peak_pq);
    lumas[row] = kR * signals[row][0] + kG * signals[row][1] + kB * signals[row][2];
  }
  for (unsigned bin = 1; bin < count; ++bin) {
    const float start = curve.places[bin].x;
#pragma unroll
    for (unsigned row = 0; row < kRows; ++row) bin_of[row] += lumas[row] >= start;
  }
#pragma unroll
  for (unsigned row = 0; row < kRows; ++row) {
    if (row >= own) break;
    const float luma = lumas[row], expanded = through(curve, bin_of[row], luma);
    const float cb = (signals[row][2] - luma) * (1 / (2 * (1 - kB)));
    const float cr = (signals[row][0] - luma) * (1 / (2 * (1 - kR)));
    const float red_difference = 2 * (1 - kR) * (turn[2] * cb + turn[3] * cr + turn[5]);
    const float blue_difference = 2 * (1 - kB) * (turn[0] * cb + turn[1] * cr + turn[4]);
    const float out[3] = {expanded + red_difference, expanded - kR / kG * red_difference - kB / kG * blue_difference,
                          expanded + blue_difference};
#pragma unroll
    for (unsigned channel = 0; channel < 3; ++channel) {
      const size_t at = ((picture * size_t{3} + channel) * h + first + row) * w + column;
      const float signal = between(out[channel], 0.0f, peak_pq);
      pq[at] = signal;
      if (nits) nits[at] = pq_eotf(signal);
    }
  }
}
