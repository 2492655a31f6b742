// The full-resolution end of detail transfer in one pass: a gain in stops, given as lines on a reduced grid, is
// enlarged and multiplies the placed source (as a gain map does, ISO 21496-1):
//
//   guide = log2(luminance(base) + offset);  stops = slope guide + level + share structure
//   y = PQ((base + offset) 2^clamp(stops) - offset)
//
//   base, y, share: rows of [H,W]     slope, level, structure: [h,w] planes, bilinear without corner alignment
//
//      |  pixel i lies at (i + 1/2) h/H - 1/2 of the reduced rows, at least 0; the last row repeats
//      +--> and so do columns: four neighbours, weights (1-v)(1-u), (1-v)u, v(1-u), vu
#include "pq.cuh"

namespace {

constexpr unsigned kThreads = 256;
constexpr float kR = 0.2627f, kG = 0.6780f, kB = 0.0593f;  // BT.2020-2, Table 4

struct Place {
  unsigned near, far;
  float far_share;
};

__device__ __forceinline__ Place place_of(unsigned index, unsigned reduced, float step) {
  const float at = fmaxf((index + 0.5f) * step - 0.5f, 0.0f);
  const unsigned floor = static_cast<unsigned>(at), near = floor < reduced ? floor : reduced - 1;
  return {near, near + 1 < reduced ? near + 1 : near, at - near};
}

__device__ __forceinline__ float enlarged(const float* plane, unsigned width, const Place& row, const Place& column) {
  const float* upper = plane + static_cast<size_t>(row.near) * width;
  const float* lower = plane + static_cast<size_t>(row.far) * width;
  const float top = (1 - column.far_share) * upper[column.near] + column.far_share * upper[column.far];
  const float bottom = (1 - column.far_share) * lower[column.near] + column.far_share * lower[column.far];
  return (1 - row.far_share) * top + row.far_share * bottom;
}

}  // namespace

// base_pq, y [B,3,rows,W], rows `top`.. of a frame of `height`; slope, level, structure [B,3,h,w]; share [B,1,rows,W]
// or null: none. All fp32. grid (ceil(W/256), rows, B), 256 threads.
extern "C" __global__ void __launch_bounds__(256)
    gain_map(const float* base_pq, const float* slope, const float* level, const float* structure, const float* share,
             float offset_nits, float largest_stops, float* y, int width, int top, int height, int reduced_height,
             int reduced_width) {
  const unsigned column = blockIdx.x * kThreads + threadIdx.x, row = blockIdx.y, picture = blockIdx.z;
  const unsigned w = width, rw = reduced_width, rh = reduced_height;
  if (column >= w) return;
  const size_t plane = static_cast<size_t>(gridDim.y) * w, reduced = static_cast<size_t>(rh) * rw;
  const size_t at = picture * 3 * plane + static_cast<size_t>(row) * w + column;
  float nits[3];
#pragma unroll
  for (unsigned channel = 0; channel < 3; ++channel) nits[channel] = pq_eotf(base_pq[at + channel * plane]);
  const float guide = log2f(kR * nits[0] + kG * nits[1] + kB * nits[2] + offset_nits);
  const float amount = share ? share[picture * plane + static_cast<size_t>(row) * w + column] : 0.0f;
  const Place down = place_of(row + top, rh, static_cast<float>(reduced_height) / height);
  const Place across = place_of(column, rw, static_cast<float>(reduced_width) / width);
#pragma unroll
  for (unsigned channel = 0; channel < 3; ++channel) {
    const size_t low = (picture * 3 + channel) * reduced;
    float stops = enlarged(slope + low, rw, down, across) * guide + enlarged(level + low, rw, down, across);
    if (amount > 0) stops += amount * enlarged(structure + low, rw, down, across);
    const float gain = exp2f(between(stops, -largest_stops, largest_stops));
    y[at + channel * plane] = pq_inverse_eotf((nits[channel] + offset_nits) * gain - offset_nits);
  }
}
