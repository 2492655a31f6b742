// The worker as a process of its own session and environment that is nobody's zombie.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "../bundle.h"
#include "engine_link.h"
#include "process.h"
#include "runtime_directory.h"

namespace lumaflux {

// A worker that was just started; it lives on without this.
class WorkerProcess {
 public:
  // Throws EngineError.
  WorkerProcess(const RuntimeDirectory& directory, const EngineLocation& location);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Whether it has ended, after a wait of at most `limit`.
  bool ended(std::chrono::milliseconds limit) const;

  // Ends a process that has not ended().
  void kill();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lets one host at a time start the worker, until it goes.
class StartLock {
 public:
  // Throws EngineError when the directory cannot be written.
  explicit StartLock(const RuntimeDirectory& directory);
  ~StartLock();
  StartLock(const StartLock&) = delete;
  StartLock& operator=(const StartLock&) = delete;
  bool try_lock();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

bool executable(const std::string& path);

// Whether there is no room for more in a file: the worker's last words may be missing for that.
bool disk_is_full(const std::string& path);
EngineError full_disk(const RuntimeDirectory& directory);

}  // namespace lumaflux
