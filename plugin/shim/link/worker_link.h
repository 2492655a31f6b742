// The engine as a worker process: connections shared by all instances and threads, one new start a frame.
#pragma once

#include <mutex>
#include <vector>

#include "connection.h"
#include "engine_link.h"
#include "process.h"
#include "shared_memory.h"

namespace lumaflux {

class WorkerLink : public EngineLink {
 public:
  WorkerLink();
  std::unique_ptr<FrameMemory> allocate(const RenderJob& job) override;
  RenderFacts render(const RenderJob& job, FrameMemory& memory, const AbortPoll& aborted,
                     const WaitingFor& waiting) override;
  EngineState load(const std::string& model, const AbortPoll& aborted) override;
  Analysis analyse(const ValueMap& parameters, const NextFrame& next, const AbortPoll& aborted,
                   const std::function<void(double)>& progress) override;
  void warm(const std::string& model) override;
  void close() override;

 private:
  std::unique_ptr<Connection> take_idle();
  void keep(std::unique_ptr<Connection> connection);
  void drop_connections();

  SharedMemoryPool pool_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
  ProcessId owner_;  // a forked child must not speak on its parent's connections
};

}  // namespace lumaflux
