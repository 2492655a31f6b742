// One frame's POSIX shared memory: made for a render, its name gone when the render ends however it ends.
#pragma once

#include <string>

#include "engine_link.h"

namespace lumaflux {

class SharedMemory : public FrameMemory {
public:
    // Reserves every page, so that a full /dev/shm is an EngineError here and no SIGBUS later.
    explicit SharedMemory(const RenderJob& job);
    ~SharedMemory() override;
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    char* source() override { return memory_; }
    char* result() override { return memory_ + result_offset_; }
    const std::string& name() const { return name_; }
    size_t size() const { return size_; }
    size_t result_offset() const { return result_offset_; }

private:
    int create();

    std::string name_;
    char* memory_ = nullptr;
    size_t size_ = 0;
    size_t result_offset_ = 0;
};

// Removes what processes of this user that no longer live left behind.
void sweep_shared_memory();

}  // namespace lumaflux
