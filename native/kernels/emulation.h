// The kernels' other machine: g++ runs each CUDA thread as a fiber, so that the same .cuh runs where no GPU is.
//
//   launch -> blocks one after another -> fibers of a block, each until it waits -> the next in the chosen order
//
// Threads wait at __syncthreads (for the block) and at shuffles and mma.sync (for the warp). The order is forwards,
// backwards or random by a seed: a result that depends on it lacks a barrier. Shared memory begins every block as NaN.
// Fragments follow the PTX ISA, "Matrix Fragments for mma.m16n8k16" and "... mma.m16n8k8". What it cannot see: data
// races within one order, and the time that anything takes.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <vector>

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
struct Dim3 {
  unsigned x, y, z;
};

namespace emulation {

enum class Order { forwards, backwards, random };

constexpr unsigned kWarp = 32, kSlotBytes = 64;
constexpr std::size_t kStackBytes = 64 << 10, kSharedBytes = 227 << 10;

struct Fiber {
  enum class State { ready, at_warp, at_block, done } state;
  unsigned thread, meetings;  // the number of times that it met its warp picks the slots to use
  jmp_buf place;
  std::unique_ptr<char[]> stack;
};

class Machine {
 public:
  Machine(Dim3 grid, unsigned threads, Order order, unsigned seed, std::function<void()> kernel)
      : grid(grid), threads_(threads), order_(order), random_(seed), kernel_(std::move(kernel)), fibers_(threads),
        slots_(std::size_t{2} * threads * kSlotBytes), shared_(kSharedBytes / 4) {
    for (Fiber& fiber : fibers_) fiber.stack = std::make_unique<char[]>(kStackBytes);
  }

  // Runs every block; false, with a reason, if threads wait for one another for ever.
  bool run() {
    current_machine() = this;
    for (block.z = 0; block.z < grid.z; ++block.z)
      for (block.y = 0; block.y < grid.y; ++block.y)
        for (block.x = 0; block.x < grid.x; ++block.x)
          if (!run_block()) return false;
    return true;
  }

  static Machine*& current_machine() {
    static Machine* machine = nullptr;
    return machine;
  }

  unsigned thread() const { return current_->thread; }
  void* shared() { return shared_.data(); }

  void meet_block() { wait(Fiber::State::at_block, 0, threads_); }

  // Every lane of the warp brings `own`; afterwards any lane's is at brought(lane).
  void meet_warp(const void* own, std::size_t bytes) {
    std::memcpy(slot(current_->thread, current_->meetings), own, bytes);
    const unsigned first = current_->thread / kWarp * kWarp;
    ++current_->meetings;
    wait(Fiber::State::at_warp, first, std::min(first + kWarp, threads_));
  }

  const char* brought(unsigned lane) {
    return slot(current_->thread / kWarp * kWarp + lane, current_->meetings - 1);
  }

  Dim3 grid, block{};
  const char* fault = nullptr;

 private:
  char* slot(unsigned thread, unsigned meeting) {
    return slots_.data() + (std::size_t{meeting % 2} * threads_ + thread) * kSlotBytes;
  }

  bool run_block() {
    std::fill(shared_.begin(), shared_.end(), 0xffffffffu);  // NaN in all three types
    for (unsigned index = 0; index < threads_; ++index) begin(index);
    std::vector<unsigned> turn(threads_);
    for (unsigned index = 0; index < threads_; ++index) turn[index] = order_ == Order::backwards ? threads_ - 1 - index : index;
    for (bool moved = true; moved;) {
      moved = false;
      if (order_ == Order::random) std::shuffle(turn.begin(), turn.end(), random_);
      for (const unsigned index : turn) {
        if (fibers_[index].state != Fiber::State::ready) continue;
        moved = true;
        resume(fibers_[index]);
      }
    }
    const bool whole = std::all_of(fibers_.begin(), fibers_.end(), [](const Fiber& f) { return f.state == Fiber::State::done; });
    if (!whole) fault = "threads wait at a barrier that others never reach";
    return whole;
  }

  void begin(unsigned index) {
    Fiber& fiber = fibers_[index];
    fiber.state = Fiber::State::ready;
    fiber.thread = index;
    fiber.meetings = 0;
    ucontext_t context, back;
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack.get();
    context.uc_stack.ss_size = kStackBytes;
    context.uc_link = &back;
    makecontext(&context, reinterpret_cast<void (*)()>(&Machine::enter), 0);
    starting_ = &back;
    current_ = &fiber;
    swapcontext(&back, &context);
  }

  // The first entry leaves at once, with a place to come back to; later switches cost no system call.
  static void enter() {
    Machine& machine = *current_machine();
    Fiber& own = *machine.current_;
    if (!_setjmp(own.place)) {
      ucontext_t* back = machine.starting_;
      setcontext(back);
    }
    machine.kernel_();
    own.state = Fiber::State::done;
    _longjmp(machine.scheduler_, 1);
  }

  void resume(Fiber& fiber) {
    current_ = &fiber;
    if (!_setjmp(scheduler_)) _longjmp(fiber.place, 1);
  }

  void wait(Fiber::State state, unsigned first, unsigned end) {
    Fiber& own = *current_;
    own.state = state;
    const bool all = std::all_of(fibers_.begin() + first, fibers_.begin() + end, [&](const Fiber& f) { return f.state == state; });
    if (all) {
      for (unsigned index = first; index < end; ++index) fibers_[index].state = Fiber::State::ready;
    } else if (!_setjmp(own.place)) {
      _longjmp(scheduler_, 1);
    }
  }

  unsigned threads_;
  Order order_;
  std::mt19937 random_;
  std::function<void()> kernel_;
  std::vector<Fiber> fibers_;
  std::vector<char> slots_;
  std::vector<unsigned> shared_;
  Fiber* current_ = nullptr;
  ucontext_t* starting_ = nullptr;
  jmp_buf scheduler_;
};

inline Machine& machine() { return *Machine::current_machine(); }
inline Dim3 thread_index() { return {machine().thread(), 0, 0}; }
inline void* shared(std::size_t bytes) {
  if (bytes > kSharedBytes) std::abort();
  return machine().shared();
}

}  // namespace emulation

#define threadIdx (emulation::thread_index())
#define blockIdx (emulation::machine().block)
#define gridDim (emulation::machine().grid)

inline void __syncthreads() { emulation::machine().meet_block(); }

inline void __syncwarp() {
  const char nothing = 0;
  emulation::machine().meet_warp(&nothing, 1);
}

inline float shuffle_xor(float value, unsigned mask) {
  emulation::machine().meet_warp(&value, sizeof value);
  float other;
  std::memcpy(&other, emulation::machine().brought(threadIdx.x % emulation::kWarp ^ mask), sizeof other);
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
inline unsigned tf32(float value) { return std::isfinite(value) ? (bits_of_float(value) + 0x1000u) & ~0x1fffu : bits_of_float(value); }

// c[16x8] += a[16x16] b[16x8]; lane l holds rows l/4 and l/4+8, columns (or k) 2(l%4), +1 and their +8.
template <class Element>
void mma_m16n8k16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  unsigned own[6];
  std::copy_n(a, 4, own);
  std::copy_n(b, 2, own + 4);
  emulation::Machine& machine = emulation::machine();
  machine.meet_warp(own, sizeof own);
  const unsigned lane = threadIdx.x % emulation::kWarp;
  const auto element = [&](unsigned holder, unsigned reg, unsigned half) {
    std::uint16_t bits;
    std::memcpy(&bits, machine.brought(holder) + 4 * reg + 2 * half, sizeof bits);
    return Element::widen(bits);
  };
  for (unsigned index = 0; index < 4; ++index) {
    const unsigned row = lane / 4 + 8 * (index / 2), column = 2 * (lane % 4) + index % 2;
    for (unsigned k = 0; k < 16; ++k) {
      c[index] += element(row % 8 * 4 + k % 8 / 2, row / 8 + 2 * (k / 8), k % 2) * element(column * 4 + k % 8 / 2, 4 + k / 8, k % 2);
    }
  }
}

// c[16x8] += a[16x8] b[8x8] of tf32; lane l holds rows l/4, +8 and k l%4, +4 of a, k l%4, +4 and column l/4 of b.
inline void mma_m16n8k8_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  unsigned own[6];
  std::copy_n(a, 4, own);
  std::copy_n(b, 2, own + 4);
  emulation::Machine& machine = emulation::machine();
  machine.meet_warp(own, sizeof own);
  const unsigned lane = threadIdx.x % emulation::kWarp;
  const auto element = [&](unsigned holder, unsigned reg) {
    unsigned bits;
    std::memcpy(&bits, machine.brought(holder) + 4 * reg, sizeof bits);
    return float_of_bits(bits & ~0x1fffu);  // the hardware reads no more
  };
  for (unsigned index = 0; index < 4; ++index) {
    const unsigned row = lane / 4 + 8 * (index / 2), column = 2 * (lane % 4) + index % 2;
    for (unsigned k = 0; k < 8; ++k) {
      c[index] += element(row % 8 * 4 + k % 4, row / 8 + 2 * (k / 4)) * element(column * 4 + k % 4, 4 + k / 4);
    }
  }
}
