// The machine of emulation.h: blocks one after another, a fiber for each thread, whose order of running is chosen.
#include "emulation.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

namespace emulation {

namespace {

constexpr unsigned kSlotBytes = 64;
constexpr std::size_t kStackBytes = 64 << 10, kSharedBytes = 227 << 10;

struct Fiber {
  enum class State { ready, at_warp, at_block, done } state;
  unsigned thread, meetings;  // the number of times that it met its warp picks the slots to use
  jmp_buf place;
  std::unique_ptr<char[]> stack;
};

class Machine {
 public:
  Machine(Dim3 grid, unsigned threads, Order order, unsigned seed, void (*kernel)(void*), void* context)
      : grid(grid),
        threads_(threads),
        order_(order),
        random_(seed),
        kernel_(kernel),
        context_(context),
        fibers_(threads),
        slots_(std::size_t{2} * threads * kSlotBytes),
        shared_(kSharedBytes / 4) {
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

  const char* brought(unsigned lane) { return slot(current_->thread / kWarp * kWarp + lane, current_->meetings - 1); }

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
    for (unsigned index = 0; index < threads_; ++index)
      turn[index] = order_ == Order::backwards ? threads_ - 1 - index : index;
    for (bool moved = true; moved;) {
      moved = false;
      if (order_ == Order::random) std::shuffle(turn.begin(), turn.end(), random_);
      for (const unsigned index : turn) {
        if (fibers_[index].state != Fiber::State::ready) continue;
        moved = true;
        resume(fibers_[index]);
      }
    }
    const bool whole =
        std::all_of(fibers_.begin(), fibers_.end(), [](const Fiber& f) { return f.state == Fiber::State::done; });
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
    machine.kernel_(machine.context_);
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
    const bool all =
        std::all_of(fibers_.begin() + first, fibers_.begin() + end, [&](const Fiber& f) { return f.state == state; });
    if (all) {
      for (unsigned index = first; index < end; ++index) fibers_[index].state = Fiber::State::ready;
    } else if (!_setjmp(own.place)) {
      _longjmp(scheduler_, 1);
    }
  }

  unsigned threads_;
  Order order_;
  std::mt19937 random_;
  void (*kernel_)(void*);
  void* context_;
  std::vector<Fiber> fibers_;
  std::vector<char> slots_;
  std::vector<unsigned> shared_;
  Fiber* current_ = nullptr;
  ucontext_t* starting_ = nullptr;
  jmp_buf scheduler_;
};

Machine& machine() { return *Machine::current_machine(); }

}  // namespace

Dim3 thread_index() { return {machine().thread(), 0, 0}; }
Dim3 block_index() { return machine().block; }
Dim3 grid() { return machine().grid; }
void meet_block() { machine().meet_block(); }
void meet_warp(const void* own, std::size_t bytes) { machine().meet_warp(own, bytes); }
const char* brought(unsigned lane) { return machine().brought(lane); }

void* shared(std::size_t bytes) {
  if (bytes > kSharedBytes) std::abort();
  return machine().shared();
}

const char* run(Dim3 grid, unsigned threads, Order order, unsigned seed, void (*kernel)(void*), void* context) {
  Machine machine(grid, threads, order, seed, kernel, context);
  return machine.run() ? nullptr : machine.fault;
}

}  // namespace emulation
