#include "shared_memory.h"

namespace lumaflux {
namespace {

constexpr size_t page = 4096;
constexpr size_t most_kept = 2;
constexpr size_t largest_kept = 300'000'000;  // 4K in float

size_t whole_pages(size_t bytes) { return (bytes + page - 1) / page * page; }

}  // namespace

std::unique_ptr<SharedMemory> SharedMemoryPool::take(size_t bytes, const std::string& purpose) {
  const std::lock_guard lock(mutex_);
  if (!free_.empty() && !free_.front()->mine()) free_.clear();
  for (auto& memory : free_) {
    if (memory->size() < bytes || memory->size() / 2 > bytes) continue;
    auto taken = std::move(memory);
    free_.erase(free_.begin() + (&memory - free_.data()));
    return taken;
  }
  return std::make_unique<SharedMemory>(bytes, purpose);
}

void SharedMemoryPool::give_back(std::unique_ptr<SharedMemory> memory) {
  const std::lock_guard lock(mutex_);
  if (memory->size() > largest_kept) return;
  if (free_.size() == most_kept) free_.erase(free_.begin());
  free_.push_back(std::move(memory));
}

void SharedMemoryPool::clear() {
  const std::lock_guard lock(mutex_);
  free_.clear();
}

SharedFrame::SharedFrame(SharedMemoryPool& pool, const RenderJob& job)
    : pool_(pool),
      memory_(pool.take(2 * whole_pages(job.frame_bytes()),
                        "a frame of " + std::to_string(job.width) + "x" + std::to_string(job.height))),
      result_offset_(whole_pages(job.frame_bytes())) {}

SharedFrame::~SharedFrame() {
  // An engine that was told to cancel may still write.
  if (done_) pool_.give_back(std::move(memory_));
}

}  // namespace lumaflux
