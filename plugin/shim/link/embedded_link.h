// The engine inside the host's process: asked for by LUMAFLUX_EMBED=1, and refused where it would endanger the host.
#pragma once

#include <memory>

#include "engine_link.h"

namespace lumaflux {

// Opens the bridge library beside this one. Throws EngineError when the process holds another Python than the engine's,
// when the engine's Python has no shared library, or when it cannot be started.
std::unique_ptr<EngineLink> open_embedded_link();

}  // namespace lumaflux
