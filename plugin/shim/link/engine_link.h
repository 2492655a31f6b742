// The one door from the effect to the engine; behind it a worker process or, when asked for, the engine in this
// process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "../msgpack.h"

namespace lumaflux {

// The engine cannot do it; the text is one sentence that says what to do.
struct EngineError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The host no longer wants the frame.
struct Aborted {};

// A frame to convert: `width` x `height` pixels, top row first, rows without gaps.
struct RenderJob {
  int width = 0, height = 0;
  int components = 4;
  std::string depth = "float";
  size_t row_bytes = 0;
  bool premultiplied = false;
  std::string priority = "final";  // interactive, final or thumbnail
  int64_t frame = 0;
  ValueMap parameters;

  size_t frame_bytes() const { return row_bytes * static_cast<size_t>(height); }
};

// Room for one source and one result of a job, where the engine reaches it.
class FrameMemory {
 public:
  virtual ~FrameMemory() = default;
  virtual char* source() = 0;
  virtual char* result() = 0;
};

using AbortPoll = std::function<bool()>;

// A tone track's path, its number of frames, and the host's frame of its first where frames were sought in a file.
struct Analysis {
  std::string track;
  int64_t frames = 0;
  std::optional<int64_t> start;
};

// What rendered a frame: `backend` is empty where no model was needed. `seconds` are the engine's, without waiting.
struct RenderFacts {
  std::string model, backend;
  double seconds = 0.0;
  bool cached = false, track = false;
};

// A model in memory; `process` is this one where the engine is inside of it.
struct EngineState {
  std::string model, backend;
  int64_t process = 0, memory_mb = 0, waiting = 0;
};

// Hears what a frame waits for, now and then, once that takes longer than two seconds.
using WaitingFor = std::function<void(const std::string&)>;

class EngineLink {
 public:
  virtual ~EngineLink() = default;

  // Both throw EngineError, and `render` throws Aborted within 50 ms of the host's wish. Any thread may call.
  virtual std::unique_ptr<FrameMemory> allocate(const RenderJob& job) = 0;
  virtual RenderFacts render(const RenderJob& job, FrameMemory& memory, const AbortPoll& aborted,
                             const WaitingFor& waiting) = 0;

  // Starts the engine where none runs, and loads a model. Throws as `render` does.
  virtual EngineState load(const std::string& model, const AbortPoll& aborted) = 0;

  // A tone track of the frames that `next` hands over until it says false, each in the memory of its job; or of the
  // file that `parameters` name as source_file, and then those frames are sought in it. `progress` hears the share that
  // is done, or -1 where that is unknown, at least every 50 ms. Throws as `render` does.
  using NextFrame = std::function<bool(int64_t number, RenderJob& job, std::unique_ptr<FrameMemory>& memory)>;
  virtual Analysis analyse(const ValueMap& parameters, const NextFrame& next, const AbortPoll& aborted,
                           const std::function<void(double)>& progress) = 0;

  // Asks an engine that already runs to load a model; never waits, never fails.
  virtual void warm(const std::string& model) = 0;

  // Lets go of what the link holds; a later call opens it anew.
  virtual void close() = 0;
};

// The worker, or the embedded engine where the environment says LUMAFLUX_EMBED=1. Throws EngineError when that is
// refused.
EngineLink& engine_link();

// Closes the link that engine_link() gave, if it did.
void close_engine_link();

}  // namespace lumaflux
