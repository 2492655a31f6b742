// The kernels' other machine: g++ runs each CUDA thread as a fiber, so that the same .cuh runs where no GPU is.
//
//   launch -> blocks one after another -> fibers of a block, each until it waits -> the next in the chosen order
//
// Threads wait at __syncthreads (for the block) and at shuffles and mma.sync (for the warp). The order is forwards,
// backwards or random by a seed: a result that depends on it lacks a barrier. Shared memory begins every block as NaN.
// Fragments follow the PTX ISA, "Matrix Fragments for mma.m16n8k16" and "... mma.m16n8k8". What it cannot see: data
// races within one order, and the time that anything takes.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define LUMAFLUX_SHARED(Type, name) Type& name = *static_cast<Type*>(emulation::shared(sizeof(Type)))

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct Dim3 {
  unsigned x, y, z;
};

// What a running thread may ask of the machine, which emulation.cpp is.
namespace emulation {

constexpr unsigned kWarp = 32;

Dim3 thread_index();
Dim3 block_index();
Dim3 grid();
void* shared(std::size_t bytes);  // the block's memory, the same for all of its threads
void meet_block();
void meet_warp(const void* own, std::size_t bytes);  // every lane brings `own`, of at most 64 bytes
const char* brought(unsigned lane);                  // what a lane of the warp brought to its last meeting

enum class Order { forwards, backwards, random };

// Runs kernel(context) in every thread of the grid; null, or why threads wait for one another for ever.
const char* run(Dim3 grid, unsigned threads, Order order, unsigned seed, void (*kernel)(void*), void* context);

}  // namespace emulation

#define threadIdx (emulation::thread_index())
#define blockIdx (emulation::block_index())
#define gridDim (emulation::grid())

inline void __syncthreads() { emulation::meet_block(); }

inline void __syncwarp() {
  const char nothing = 0;
  emulation::meet_warp(&nothing, 1);
}

inline float shuffle_xor(float value, unsigned mask) {
  emulation::meet_warp(&value, sizeof value);
  float other;
  std::memcpy(&other, emulation::brought(threadIdx.x % emulation::kWarp ^ mask), sizeof other);
  return other;
}

inline float float_of_bits(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned bits_of_float(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The special function unit at its worst: as far off as the PTX ISA lets it be, up or down by the argument's last bit.
inline float erring(float exact, float argument, float by) {
  return bits_of_float(argument) % 2 ? exact + by : exact - by;
}

inline float fast_log2(float value) {
  const float exact = std::log2(value), error = std::ldexp(1.0f, -22);
  if (!std::isfinite(exact)) return exact;
  return erring(exact, value, value > 0.5f && value < 2.0f ? error : error * std::fabs(exact));
}

inline float fast_exp2(float value) {
  const float exact = std::exp2(value);
  return exact < 1.17549435e-38f ? 0.0f : erring(exact, value, std::ldexp(exact, -22));
}

inline float fast_reciprocal(float value) { return erring(1.0f / value, value, std::ldexp(1.0f / value, -23)); }

struct Half {
  static float widen(std::uint16_t bits) {
    _Float16 value;
    std::memcpy(&value, &bits, sizeof value);
    return static_cast<float>(value);
  }
  static std::uint16_t narrow(float value) {
    const _Float16 rounded = static_cast<_Float16>(value);
    std::uint16_t bits;
    std::memcpy(&bits, &rounded, sizeof bits);
    return bits;
  }
};

struct Bfloat {
  static float widen(std::uint16_t bits) { return float_of_bits(static_cast<unsigned>(bits) << 16); }
  static std::uint16_t narrow(float value) {  // to nearest, ties to even
    const unsigned bits = bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
};

template <class Element>
float2 unpack(unsigned pair) {
  return {Element::widen(static_cast<std::uint16_t>(pair)), Element::widen(static_cast<std::uint16_t>(pair >> 16))};
}

template <class Element>
unsigned pack(float low, float high) {
  return Element::narrow(low) | static_cast<unsigned>(Element::narrow(high)) << 16;
}

// cvt.rna.tf32.f32: ten bits of mantissa, ties away from zero
inline unsigned tf32(float value) {
  return std::isfinite(value) ? (bits_of_float(value) + 0x1000u) & ~0x1fffu : bits_of_float(value);
}

// c[16x8] += a[16x16] b[16x8]; lane l holds rows l/4 and l/4+8, columns (or k) 2(l%4), +1 and their +8.
template <class Element>
void mma_m16n8k16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  unsigned own[6];
  std::memcpy(own, a, sizeof a);
  std::memcpy(own + 4, b, sizeof b);
  emulation::meet_warp(own, sizeof own);
  const unsigned lane = threadIdx.x % emulation::kWarp;
  const auto element = [&](unsigned holder, unsigned reg, unsigned half) {
    std::uint16_t bits;
    std::memcpy(&bits, emulation::brought(holder) + 4 * reg + 2 * half, sizeof bits);
    return Element::widen(bits);
  };
  for (unsigned index = 0; index < 4; ++index) {
    const unsigned row = lane / 4 + 8 * (index / 2), column = 2 * (lane % 4) + index % 2;
    for (unsigned k = 0; k < 16; ++k) {
      c[index] += element(row % 8 * 4 + k % 8 / 2, row / 8 + 2 * (k / 8), k % 2) *
                  element(column * 4 + k % 8 / 2, 4 + k / 8, k % 2);
    }
  }
}

// c[16x8] += a[16x8] b[8x8] of tf32; lane l holds rows l/4, +8 and k l%4, +4 of a, k l%4, +4 and column l/4 of b.
inline void mma_m16n8k8_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  unsigned own[6];
  std::memcpy(own, a, sizeof a);
  std::memcpy(own + 4, b, sizeof b);
  emulation::meet_warp(own, sizeof own);
  const unsigned lane = threadIdx.x % emulation::kWarp;
  const auto element = [&](unsigned holder, unsigned reg) {
    unsigned bits;
    std::memcpy(&bits, emulation::brought(holder) + 4 * reg, sizeof bits);
    return float_of_bits(bits & ~0x1fffu);  // the hardware reads no more
  };
  for (unsigned index = 0; index < 4; ++index) {
    const unsigned row = lane / 4 + 8 * (index / 2), column = 2 * (lane % 4) + index % 2;
    for (unsigned k = 0; k < 8; ++k) {
      c[index] += element(row % 8 * 4 + k % 4, row / 8 + 2 * (k / 4)) * element(column * 4 + k % 4, 4 + k / 4);
    }
  }
}
