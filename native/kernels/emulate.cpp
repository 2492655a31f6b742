// One kernel as a shared library of the host: -DSOURCE names its file, -DKERNEL its function; the rest as for NVRTC.
#include SOURCE

#include <utility>

namespace {

template <class... Parameters, std::size_t... Index>
void call(void (*kernel)(Parameters...), void** arguments, std::index_sequence<Index...>) {
  kernel(*static_cast<Parameters*>(arguments[Index])...);
}

template <class... Parameters>
void call(void (*kernel)(Parameters...), void** arguments) {
  call(kernel, arguments, std::index_sequence_for<Parameters...>());
}

}  // namespace

// `arguments` as cuLaunchKernel takes them; null, or why the launch failed.
extern "C" const char* emulate(const unsigned* grid, unsigned threads, void** arguments, int order, unsigned seed) {
  const auto kernel = [](void* context) { call(KERNEL, static_cast<void**>(context)); };
  return emulation::run({grid[0], grid[1], grid[2]}, threads, static_cast<emulation::Order>(order), seed, kernel,
                        arguments);
}
