// What the effect calls in the bridge library: plain C, since each side has its own C++ runtime.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

inline constexpr int lumaflux_bridge_version = 3;

// One frame, top row first, rows without gaps. `parameters` is a MessagePack map of names and values.
struct LumaFluxFrame {
  const char* source;
  char* result;
  size_t bytes;  // of each
  int width, height, components;
  const char* depth;  // float, half, short or byte
  int premultiplied;
  int draft;
  const char* parameters;
  size_t parameters_size;
};

// Asks the host whether it still wants the frame; called on the thread that renders.
struct LumaFluxAbort {
  int (*poll)(void* context);
  void* context;
};

// Hears the share of an analysis that is done, -1 where that is unknown; not 0 when it is to stop.
struct LumaFluxProgress {
  int (*tell)(void* context, double share);
  void* context;
};

enum LumaFluxOutcome { LUMAFLUX_DONE = 0, LUMAFLUX_ABORTED = 1, LUMAFLUX_FAILED = 2 };

// Each writes a sentence to `said` (`capacity` bytes with the final zero) when it fails. `render` and `load` write what
// did it when they succeed, as JSON: "model", "backend" and, of a frame, "seconds", "cached" and "track". `analyze`
// writes "track", "frames" and, of a file that was looked for, "start".
struct LumaFluxBridge {
  int version;
  // Starts Python where none runs. `python` is the engine's interpreter, `packages` its site-packages. 1 on success.
  int (*start)(const char* python, const char* packages, char* said, size_t capacity);
  LumaFluxOutcome (*render)(const LumaFluxFrame* frame, const LumaFluxAbort* abort, char* said, size_t capacity);
  LumaFluxOutcome (*load)(const char* model, char* said, size_t capacity);
  // The `number`-th frame of a clip to analyse, the host's `time`; `result` is not used. 0 begins anew. All frames and
  // `analyze`, which ends it or analyses the file that its parameters name, come from one thread.
  LumaFluxOutcome (*look)(const LumaFluxFrame* frame, int64_t number, int64_t time, char* said, size_t capacity);
  LumaFluxOutcome (*analyze)(const char* parameters, size_t size, const LumaFluxProgress* progress, char* said,
                             size_t capacity);
};

// The one symbol of the bridge library.
using LumaFluxBridgeEntry = const LumaFluxBridge*();
}
