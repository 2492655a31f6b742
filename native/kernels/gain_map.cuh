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
//
// A thread walks down kRows pixels of one column and keeps the nine planes' values of that column in the two reduced
// rows about it; they change where the pixels' row passes a reduced row, for the whole block at once.
#include "pq.cuh"

namespace {

constexpr unsigned kThreads = 128, kRows = 8, kPlanes = 9;
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

struct Maps {
  const float *slope, *level, *structure;  // the first channel of a picture; structure may be null
  unsigned width;
  size_t plane;
};

// One reduced row of slope, level and structure, three channels each, between two columns.
__device__ __forceinline__ void load_row(float (&to)[kPlanes], const Maps& maps, unsigned row, const Place& column) {
#pragma unroll
  for (unsigned index = 0; index < kPlanes; ++index) {
    const float* map = index < 3 ? maps.slope : index < 6 ? maps.level : maps.structure;
    if (index >= 6 && !map) continue;
    const float* values = map + (index % 3) * maps.plane + static_cast<size_t>(row) * maps.width;
    to[index] = (1 - column.far_share) * values[column.near] + column.far_share * values[column.far];
  }
}

struct Pixel {
  float signals[3], amount;
};

__device__ __forceinline__ Pixel load_pixel(const float* base_pq, const float* amounts, size_t plane) {
  return {{base_pq[0], base_pq[plane], base_pq[2 * plane]}, amounts ? *amounts : 0.0f};
}

}  // namespace

// base_pq, y [B,3,rows,W], rows `top`.. of a frame of `height`; slope, level, structure [B,3,h,w]; share [B,1,rows,W]
// or null: none. All fp32. grid (ceil(W/128), ceil(rows/8), B), 128 threads.
extern "C" __global__ void __launch_bounds__(128)
    gain_map(const float* base_pq, const float* slope, const float* level, const float* structure, const float* share,
             float offset_nits, float largest_stops, float* y, int rows, int width, int top, int height,
             int reduced_height, int reduced_width) {
  const unsigned column = blockIdx.x * kThreads + threadIdx.x, picture = blockIdx.z;
  const unsigned w = width, rw = reduced_width, rh = reduced_height, count = rows;
  if (column >= w) return;
  const unsigned begin = blockIdx.y * kRows, end = begin + kRows < count ? begin + kRows : count;
  const size_t plane = static_cast<size_t>(count) * w, reduced = static_cast<size_t>(rh) * rw;
  const size_t low = picture * 3 * reduced;
  const Maps maps = {slope + low, level + low, share ? structure + low : nullptr, rw, reduced};
  const Place across = place_of(column, rw, static_cast<float>(reduced_width) / width);
  const float step = static_cast<float>(reduced_height) / height;

  float upper[kPlanes] = {}, lower[kPlanes] = {};
  Place held = {rh, rh, 0.0f};  // no row yet
  const size_t of_thread = static_cast<size_t>(begin) * w + column;
  const float* base = base_pq + picture * 3 * plane + of_thread;
  const float* amounts = share ? share + picture * plane + of_thread : nullptr;
  float* out = y + picture * 3 * plane + of_thread;
  Pixel next = load_pixel(base, amounts, plane);
  for (unsigned row = begin; row < end; ++row, out += w) {
    const Pixel pixel = next;
    if (row + 1 < end) {  // on its way while this one is worked on
      base += w;
      amounts = amounts ? amounts + w : nullptr;
      next = load_pixel(base, amounts, plane);
    }
    const Place down = place_of(row + top, rh, step);
    if (down.near != held.near) {
      if (down.near == held.far) {
#pragma unroll
        for (unsigned index = 0; index < kPlanes; ++index) upper[index] = lower[index];
      } else {
        load_row(upper, maps, down.near, across);
      }
      load_row(lower, maps, down.far, across);
      held = down;
    }
    float nits[3];
#pragma unroll
    for (unsigned channel = 0; channel < 3; ++channel) nits[channel] = pq_eotf(pixel.signals[channel]);
    const float guide = fast_log2(kR * nits[0] + kG * nits[1] + kB * nits[2] + offset_nits);
#pragma unroll
    for (unsigned channel = 0; channel < 3; ++channel) {
      float here[3];
#pragma unroll
      for (unsigned map = 0; map < 3; ++map) {
        const float above = upper[3 * map + channel];
        here[map] = above + down.far_share * (lower[3 * map + channel] - above);
      }
      const float stops = here[0] * guide + here[1] + pixel.amount * here[2];
      const float gain = fast_exp2(between(stops, -largest_stops, largest_stops));
      out[channel * plane] = pq_inverse_eotf((nits[channel] + offset_nits) * gain - offset_nits);
    }
  }
}
