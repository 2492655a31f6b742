// Starting the worker: a process of its own session and environment that is nobody's zombie.
#pragma once

#include "../bundle.h"
#include "connection.h"
#include "engine_link.h"

namespace lumaflux {

// A connection to the worker, which is started first when nobody listens. One host at a time starts it.
// Throws EngineError when it cannot be started, EngineLost, and Aborted.
std::unique_ptr<Connection> connect_or_start(const RuntimeDirectory& directory, const EngineLocation& location,
                                             const AbortPoll& aborted);

}  // namespace lumaflux
