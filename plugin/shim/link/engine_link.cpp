#include "engine_link.h"

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "embedded_link.h"
#include "worker_link.h"

namespace lumaflux {
namespace {

struct Chosen {
  std::mutex mutex;
  EngineLink* link = nullptr;
};

// Never destroyed: a host may exit while its threads still render.
Chosen& chosen() {
  static auto* the_chosen = new Chosen;
  return *the_chosen;
}

bool wants_embedded() {
  const char* wish = std::getenv("LUMAFLUX_EMBED");
  return wish != nullptr && std::strcmp(wish, "1") == 0;
}

}  // namespace

EngineLink& engine_link() {
  const std::lock_guard lock(chosen().mutex);
  if (chosen().link == nullptr) {
    chosen().link = wants_embedded() ? open_embedded_link().release() : new WorkerLink;
  }
  return *chosen().link;
}

void close_engine_link() {
  const std::lock_guard lock(chosen().mutex);
  if (chosen().link != nullptr) chosen().link->close();
}

}  // namespace lumaflux
