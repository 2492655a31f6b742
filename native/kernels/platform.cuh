// What the kernels ask of a machine: 16-bit types, packed pairs, tensor-core products, shuffles. CUDA's here, in PTX
// and without CUDA's headers, so that NVRTC needs no include path; g++'s in emulation.h, under the same names.
#pragma once

#ifndef __CUDACC__
#include "emulation.h"
#else

#define LUMAFLUX_SHARED(Type, name) __shared__ Type name

__device__ __forceinline__ float float_of_bits(unsigned bits) { return __uint_as_float(bits); }
__device__ __forceinline__ unsigned bits_of_float(float value) { return __float_as_uint(value); }
__device__ __forceinline__ float shuffle_xor(float value, unsigned mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}

// The special function unit's own results; subnormal numbers count as zero. Errors by the PTX ISA: lg2.approx absolute
// 2^-22 in (0.5, 2), relative 2^-22 elsewhere; ex2.approx relative 2^-22; rcp.approx 1 ulp. The emulation errs as much.
__device__ __forceinline__ float fast_log2(float value) {
  float result;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(value));
  return result;
}
__device__ __forceinline__ float fast_exp2(float value) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(value));
  return result;
}
__device__ __forceinline__ float fast_reciprocal(float value) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(value));
  return result;
}

struct Half {
  __device__ __forceinline__ static float widen(unsigned short bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
  }
};

struct Bfloat {
  __device__ __forceinline__ static float widen(unsigned short bits) {
    return float_of_bits(static_cast<unsigned>(bits) << 16);
  }
};

template <class Element>
__device__ __forceinline__ float2 unpack(unsigned pair) {
  return {Element::widen(static_cast<unsigned short>(pair)), Element::widen(static_cast<unsigned short>(pair >> 16))};
}

template <class Element>
__device__ __forceinline__ unsigned pack(float low, float high);
template <>
__device__ __forceinline__ unsigned pack<Half>(float low, float high) {
  unsigned pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
template <>
__device__ __forceinline__ unsigned pack<Bfloat>(float low, float high) {
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

__device__ __forceinline__ unsigned tf32(float value) {
  unsigned rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(value));
  return rounded;
}

template <class Element>
__device__ __forceinline__ void mma_m16n8k16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]);
template <>
__device__ __forceinline__ void mma_m16n8k16<Half>(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
template <>
__device__ __forceinline__ void mma_m16n8k16<Bfloat>(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ void mma_m16n8k8_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif

// Eight neighbouring 16-bit numbers, one memory access of 16 bytes.
union Eight {
  uint4 whole;
  unsigned pairs[4];
};

__device__ __forceinline__ Eight load_eight(const unsigned short* from) {
  Eight numbers;
  numbers.whole = *reinterpret_cast<const uint4*>(from);
  return numbers;
}

__device__ __forceinline__ Eight zero_eight() {
  Eight numbers;
  numbers.whole = uint4{0, 0, 0, 0};
  return numbers;
}

__device__ __forceinline__ void store_eight(unsigned short* to, const Eight& numbers) {
  *reinterpret_cast<uint4*>(to) = numbers.whole;
}

// Eight numbers rounded to 16 bits; to fp32 as they are.
template <class Element>
__device__ __forceinline__ void store_result(unsigned short* to, const float (&y)[8]) {
  Eight numbers;
  for (unsigned pair = 0; pair < 4; ++pair) numbers.pairs[pair] = pack<Element>(y[2 * pair], y[2 * pair + 1]);
  store_eight(to, numbers);
}
template <class Element>
__device__ __forceinline__ void store_result(float* to, const float (&y)[8]) {
  for (unsigned index = 0; index < 8; ++index) to[index] = y[index];
}
