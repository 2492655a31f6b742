// POSIX shared memory for frames. New pages cost more than the copies, so what a frame has used serves the next one.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine_link.h"
#include "process.h"

namespace lumaflux {

// A named object, mapped. The name goes with this, or with the process that made it.
class SharedMemory {
 public:
  // Reserves every page, so that a full /dev/shm is an EngineError here and no SIGBUS later. `purpose` is for its text.
  SharedMemory(size_t bytes, const std::string& purpose);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  char* bytes() const { return memory_; }
  const std::string& name() const { return name_; }
  size_t size() const { return size_; }
  bool mine() const { return owner_ == own_process(); }  // not in a process that its host forked

 private:
#ifdef _WIN32
  void* create();
#else
  int create();
#endif

  std::string name_;
  char* memory_ = nullptr;
  size_t size_ = 0;
  ProcessId owner_;
#ifdef _WIN32
  void* section_ = nullptr;
#endif
};

// What is not in use at the moment; bounded, from any thread.
class SharedMemoryPool {
 public:
  std::unique_ptr<SharedMemory> take(size_t bytes, const std::string& purpose);
  void give_back(std::unique_ptr<SharedMemory> memory);
  void clear();

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<SharedMemory>> free_;
};

// One source and one result of a job. Its memory returns to the pool only when the engine has said that it is done with
// it.
class SharedFrame : public FrameMemory {
 public:
  SharedFrame(SharedMemoryPool& pool, const RenderJob& job);
  ~SharedFrame() override;

  char* source() override { return memory_->bytes(); }
  char* result() override { return memory_->bytes() + result_offset_; }
  const SharedMemory& memory() const { return *memory_; }
  size_t result_offset() const { return result_offset_; }
  void done() { done_ = true; }

 private:
  SharedMemoryPool& pool_;
  std::unique_ptr<SharedMemory> memory_;
  size_t result_offset_;
  bool done_ = false;
};

// Removes what processes of this user that no longer live left behind.
void sweep_shared_memory();

}  // namespace lumaflux
