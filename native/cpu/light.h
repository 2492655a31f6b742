// Powers and the PQ curve in plain arithmetic, so that compilers turn loops over them into vector code.
#pragma once

#include <cstdint>
#include <cstring>

namespace lumaflux {

#define LUMAFLUX_HOT __attribute__((always_inline))
#define LUMAFLUX_INLINE inline LUMAFLUX_HOT
#if defined(__GNUC__) && !defined(__clang__)
#define LUMAFLUX_SCALAR __attribute__((optimize("no-tree-vectorize")))
#else
#define LUMAFLUX_SCALAR
#endif
// The same code for the instructions that most machines have today and for any; the loader picks (Linux, x86-64).
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define LUMAFLUX_DISPATCH __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LUMAFLUX_DISPATCH
#endif

// log2 of a positive normal number: exponent and mantissa in [sqrt(1/2), sqrt(2)), whose atanh series ends at t^9.
LUMAFLUX_INLINE float log2_of(float x) {
  std::int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const std::int32_t exponent = (bits - 0x3f3504f3) >> 23;
  bits -= exponent * (1 << 23);
  float mantissa;
  std::memcpy(&mantissa, &bits, sizeof mantissa);
  const float t = (mantissa - 1.0f) / (mantissa + 1.0f), t2 = t * t;
  const float series =
      2.8853900818f + t2 * (0.9617966939f + t2 * (0.5770780164f + t2 * (0.4121985831f + t2 * 0.3205988980f)));
  return static_cast<float>(exponent) + t * series;
}

// 2^x for x in [-126, 127].
LUMAFLUX_INLINE float exp2_of(float x) {
  const float shifted = x + 12582912.0f;  // 1.5 * 2^23 rounds to the nearest integer
  const float whole = shifted - 12582912.0f, f = x - whole;
  const float series =
      1.0f + f * (0.69314718f +
                  f * (0.24022651f + f * (0.05550411f + f * (0.00961813f + f * (0.00133336f + f * 0.00015403f)))));
  const std::int32_t bits = (static_cast<std::int32_t>(whole) + 127) * (1 << 23);
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return scale * series;
}

LUMAFLUX_INLINE float larger(float a, float b) { return a > b ? a : b; }
LUMAFLUX_INLINE float smaller(float a, float b) { return a < b ? a : b; }
LUMAFLUX_INLINE float between(float x, float low, float high) { return smaller(larger(x, low), high); }

// x^p for x >= 0; zero and what is too small for a normal number gives the power of the smallest one.
LUMAFLUX_INLINE float power(float x, float p) {
  return exp2_of(between(p * log2_of(larger(x, 1.2e-38f)), -126.0f, 127.0f));
}

// SMPTE ST 2084, in cd/m2.
constexpr float kPqM1 = 2610.0f / 16384.0f, kPqM2 = 2523.0f / 4096.0f * 128.0f;
constexpr float kPqC1 = 3424.0f / 4096.0f, kPqC2 = 2413.0f / 4096.0f * 32.0f, kPqC3 = 2392.0f / 4096.0f * 32.0f;

LUMAFLUX_INLINE float pq_eotf(float signal) {
  const float v = power(signal, 1.0f / kPqM2);
  return 10000.0f * power(larger(v - kPqC1, 0.0f) / (kPqC2 - kPqC3 * v), 1.0f / kPqM1);
}

LUMAFLUX_INLINE float pq_inverse_eotf(float nits) {
  const float v = power(nits * 1e-4f, kPqM1);
  return power((kPqC1 + kPqC2 * v) / (1.0f + kPqC3 * v), kPqM2);
}

}  // namespace lumaflux
