// What the panel says of the engine and of the last frame. A render must not set parameters: it leaves its facts here,
// and the next action in which a host takes values shows them.
#pragma once

#include "instance.h"
#include "link/engine_link.h"

namespace lumaflux {

// From a render, on any thread.
void remember_frame(Instance& instance, const RenderJob& job, const RenderFacts& facts);

// In InstanceChanged, BeginInstanceEdit and SyncPrivateData alone.
void show_panel(Instance& instance);

}  // namespace lumaflux
