// SMPTE ST 2084 clause 5 in fp32, written as engine/lumaflux/color/pq.py writes it: no difference of close numbers.
//
// The powers come from the special function unit; what its errors would spoil, the 78.8th power of a number close to 1,
// is a series in their place. By that unit's bounds: light within 1e-5 of itself, signals within 2e-6.
#pragma once

#include "platform.cuh"

constexpr float kPqM1 = 2610.0f / 16384.0f, kPqM2 = 2523.0f / 4096.0f * 128.0f;
constexpr float kPqC1 = 3424.0f / 4096.0f, kPqC2 = 2413.0f / 4096.0f * 32.0f, kPqC3 = 2392.0f / 4096.0f * 32.0f;
constexpr float kPqPeak = 10000.0f, kPqBlack = 7.309559e-7f, kPqFloor = 1e-10f;  // c1^m2; 1e-6 cd/m2 over the peak
constexpr float kLn2 = 0.69314718f, kLog2e = 1.44269504f;

__device__ __forceinline__ float between(float value, float low, float high) { return fminf(fmaxf(value, low), high); }

// e^x - 1 for x in [-0.18, 0], where the first term left out is 1.3e-9.
__device__ __forceinline__ float expm1_near_zero(float x) {
  return x * (1 + x * (1.0f / 2 + x * (1.0f / 6 + x * (1.0f / 24 + x * (1.0f / 120 + x * (1.0f / 720))))));
}

// ln(1 + x) for x in [-0.165, 0]: the first term left out, x^7/7, is 5e-7 at most, where the signal is below 1e-6.
__device__ __forceinline__ float log1p_near_zero(float x) {
  return x * (1 - x * (1.0f / 2 - x * (1.0f / 3 - x * (1.0f / 4 - x * (1.0f / 5 - x * (1.0f / 6))))));
}

// Signal in [0,1] -> cd/m2.
__device__ __forceinline__ float pq_eotf(float signal) {
  const float n = expm1_near_zero(kLn2 / kPqM2 * fast_log2(between(signal, kPqBlack, 1.0f)));
  const float numerator = fmaxf(n + (1.0f - kPqC1), 0.0f);
  const float ratio = numerator * fast_reciprocal((kPqC2 - kPqC3) - kPqC3 * n);
  return kPqPeak * fast_exp2(1.0f / kPqM1 * fast_log2(ratio));
}

// cd/m2 -> signal in [0,1].
__device__ __forceinline__ float pq_inverse_eotf(float nits) {
  const float light = between(nits * (1.0f / kPqPeak), 0.0f, 1.0f);
  const float raised = fast_exp2(kPqM1 * fast_log2(fmaxf(light, kPqFloor)));
  const float y = light < kPqFloor ? raised * light * (1.0f / kPqFloor) : raised;  // a chord: black is exact
  const float below_one = (kPqC1 - 1.0f) * (1.0f - y) * fast_reciprocal(1.0f + kPqC3 * y);
  return fast_exp2(kPqM2 * kLog2e * log1p_near_zero(below_one));
}
