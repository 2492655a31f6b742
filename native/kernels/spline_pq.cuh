// The tone field after the VAE in one pass over pixels (paper section 3.5; Durkan et al. 2019, eq. 4):
//
//   R'G'B' in PQ -> clamp to [0,P] -> Y'CbCr (BT.2020, non-constant luminance)
//     Y'    -> P RQS(Y'/P), the monotone spline of the frame's knots     Cb,Cr -> 2x2 matrix and offsets
//   -> R'G'B', clamp to [0,P] -> PQ, and where asked for also cd/m2 (ST 2084)
//
//   memory, planar:   RRRR....  GGGG....  BBBB....     a thread: the three numbers of one pixel
//   vae_pq may be cut out of a larger picture:   RRRR---- RRRR----   steps from row to row, plane to plane, picture to
//   picture are given; the results lie without gaps
//   shared memory:    x[K+1] y[K+1] d[K+1]             the picture's knots, from (0,0) to (1,1)
#include "pq.cuh"

namespace {

constexpr unsigned kThreads = 256, kMostKnots = 65;
constexpr float kR = 0.2627f, kG = 0.6780f, kB = 0.0593f;  // BT.2020-2, Table 4

struct Curve {
  float x[kMostKnots], y[kMostKnots], d[kMostKnots];
};

__device__ __forceinline__ float through(const Curve& curve, unsigned bins, float at) {
  unsigned k = 0;
  for (unsigned knot = 1; knot < bins; ++knot) k += at >= curve.x[knot];
  const float width = curve.x[k + 1] - curve.x[k], height = curve.y[k + 1] - curve.y[k];
  const float theta = (at - curve.x[k]) / width, slope = height / width, cross = theta * (1 - theta);
  const float rise = height * (slope * theta * theta + curve.d[k] * cross);
  return curve.y[k] + rise / (slope + (curve.d[k] + curve.d[k + 1] - 2 * slope) * cross);
}

}  // namespace

// vae_pq, pq, nits [B,3,pixels] in fp32, rows of `width`; nits may be null; x, y, d [B,bins+1]; chroma: 2x2 by rows,
// then two offsets. grid (ceil(pixels/256), B), 256 threads; bins at most 64.
extern "C" __global__ void __launch_bounds__(256)
    spline_pq(const float* vae_pq, const float* x, const float* y, const float* d, const float* chroma, float peak_pq,
              float* pq, float* nits, int pixels, int width, int picture_step, int plane_step, int row_step, int bins) {
  LUMAFLUX_SHARED(Curve, curve);
  const unsigned picture = blockIdx.y, knots = bins + 1;
  if (threadIdx.x < knots) {
    curve.x[threadIdx.x] = x[picture * knots + threadIdx.x];
    curve.y[threadIdx.x] = y[picture * knots + threadIdx.x];
    curve.d[threadIdx.x] = d[picture * knots + threadIdx.x];
  }
  __syncthreads();
  const unsigned pixel = blockIdx.x * kThreads + threadIdx.x, count = pixels;
  if (pixel >= count) return;
  const size_t plane = static_cast<size_t>(picture) * 3 * count + pixel;
  const size_t row = pixel / static_cast<unsigned>(width), column = pixel % static_cast<unsigned>(width),
               step = plane_step;
  const float* from = vae_pq + picture * static_cast<size_t>(picture_step) + row * row_step + column;
  const float red = between(from[0], 0.0f, peak_pq), green = between(from[step], 0.0f, peak_pq);
  const float blue = between(from[2 * step], 0.0f, peak_pq);
  const float luma = kR * red + kG * green + kB * blue;
  const float cb = (blue - luma) / (2 * (1 - kB)), cr = (red - luma) / (2 * (1 - kR));
  const float expanded = peak_pq * through(curve, bins, luma / peak_pq);
  const float red_difference = 2 * (1 - kR) * (chroma[2] * cb + chroma[3] * cr + chroma[5]);
  const float blue_difference = 2 * (1 - kB) * (chroma[0] * cb + chroma[1] * cr + chroma[4]);
  const float out[3] = {expanded + red_difference, expanded - kR / kG * red_difference - kB / kG * blue_difference,
                        expanded + blue_difference};
#pragma unroll
  for (unsigned channel = 0; channel < 3; ++channel) {
    const size_t at = plane + channel * static_cast<size_t>(count);
    const float signal = between(out[channel], 0.0f, peak_pq);
    pq[at] = signal;
    if (nits) nits[at] = pq_eotf(signal);
  }
}
