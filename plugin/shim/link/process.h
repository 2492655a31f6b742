// Processes, by number.
#pragma once

#include <cstdint>

namespace lumaflux {

using ProcessId = int64_t;

ProcessId own_process();

// Ends a worker that no longer answers.
void end_worker(ProcessId process);

}  // namespace lumaflux
