#include "embedded_link.h"

namespace lumaflux {

std::unique_ptr<EngineLink> open_embedded_link() {
  throw EngineError(
      "LumaFlux cannot run inside this host (on Windows its engine is a process of its own): unset LUMAFLUX_EMBED");
}

}  // namespace lumaflux
