// SMPTE ST 2084 clause 5 in fp32, written as engine/lumaflux/color/pq.py writes it: no difference of close numbers.
#pragma once

#include "platform.cuh"

constexpr float kPqM1 = 2610.0f / 16384.0f, kPqM2 = 2523.0f / 4096.0f * 128.0f;
constexpr float kPqC1 = 3424.0f / 4096.0f, kPqC2 = 2413.0f / 4096.0f * 32.0f, kPqC3 = 2392.0f / 4096.0f * 32.0f;
constexpr float kPqPeak = 10000.0f, kPqBlack = 7.309559e-7f, kPqFloor = 1e-10f;  // c1^m2; 1e-6 cd/m2 over the peak

__device__ __forceinline__ float between(float value, float low, float high) { return fminf(fmaxf(value, low), high); }

// Signal in [0,1] -> cd/m2.
__device__ __forceinline__ float pq_eotf(float signal) {
  const float n = expm1f(logf(between(signal, kPqBlack, 1.0f)) / kPqM2);
  const float numerator = fmaxf(n + (1.0f - kPqC1), 0.0f);
  return kPqPeak * powf(numerator / ((kPqC2 - kPqC3) - kPqC3 * n), 1.0f / kPqM1);
}

// cd/m2 -> signal in [0,1].
__device__ __forceinline__ float pq_inverse_eotf(float nits) {
  const float light = between(nits / kPqPeak, 0.0f, 1.0f), raised = powf(fmaxf(light, kPqFloor), kPqM1);
  const float y = light < kPqFloor ? raised * (light / kPqFloor) : raised;  // a chord from the origin: black is exact
  return expf(kPqM2 * log1pf((kPqC1 - 1.0f) * (1.0f - y) / (1.0f + kPqC3 * y)));
}
