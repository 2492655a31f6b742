// One kernel as a shared library of the host: -DSOURCE names its file, -DKERNEL its function; the rest as for NVRTC.
#include SOURCE

#include <utility>

namespace {

template <class... Parameters, std::size_t... Index>
std::function<void()> bound_call(void (*kernel)(Parameters...), void** arguments, std::index_sequence<Index...>) {
  return [=] { kernel(*static_cast<Parameters*>(arguments[Index])...); };
}

template <class... Parameters>
std::function<void()> bound_call(void (*kernel)(Parameters...), void** arguments) {
  return bound_call(kernel, arguments, std::index_sequence_for<Parameters...>());
}

}  // namespace

// `arguments` as cuLaunchKernel takes them; null, or why the launch failed.
extern "C" const char* emulate(const unsigned* grid, unsigned threads, void** arguments, int order, unsigned seed) {
  emulation::Machine machine({grid[0], grid[1], grid[2]}, threads, static_cast<emulation::Order>(order), seed, bound_call(KERNEL, arguments));
  return machine.run() ? nullptr : machine.fault;
}
