// Windows, where the effect compiles and its engine has no worker yet: nothing has been executed there.
#pragma once

#include <memory>

#include "engine_link.h"

namespace lumaflux {

// A link whose every call throws EngineError, with what to do instead.
std::unique_ptr<EngineLink> open_windows_link();

}  // namespace lumaflux
