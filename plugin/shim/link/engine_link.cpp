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

std::unique_ptr<EngineLink> open_link() {
  const char* wish = std::getenv("LUMAFLUX_EMBED");
  if (wish != nullptr && std::strcmp(wish, "1") == 0) return open_embedded_link();
  return std::make_unique<WorkerLink>();
}

}  // namespace

EngineLink& engine_link() {
  const std::lock_guard lock(chosen().mutex);
  if (chosen().link == nullptr) {
    chosen().link = open_link().release();
  }
  return *chosen().link;
}

void close_engine_link() {
  const std::lock_guard lock(chosen().mutex);
  if (chosen().link != nullptr) chosen().link->close();
}

}  // namespace lumaflux
