#include <windows.h>

#include <atomic>
#include <cstdio>

#include "shared_memory.h"

namespace lumaflux {

// A section of the page file: its pages are the process's from the start, and it goes with the last that has it open.
SharedMemory::SharedMemory(size_t bytes, const std::string& purpose) : size_(bytes), owner_(own_process()) {
  section_ = create();
  if (section_ != nullptr) memory_ = static_cast<char*>(MapViewOfFile(section_, FILE_MAP_ALL_ACCESS, 0, 0, size_));
  if (memory_ == nullptr) {
    if (section_ != nullptr) CloseHandle(section_);
    throw EngineError("LumaFlux needs " + std::to_string(size_ / 1'000'000 + 1) + " MB of shared memory for " +
                      purpose + ", and there is not so much: close other programs, or enlarge the page file");
  }
}

SharedMemory::~SharedMemory() {
  UnmapViewOfFile(memory_);
  CloseHandle(section_);
}

void* SharedMemory::create() {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    LARGE_INTEGER now;
    QueryPerformanceCounter(&now);
    char tail[9];
    std::snprintf(tail, sizeof tail, "%04x%04x", counter++ & 0xFFFFU, static_cast<unsigned>(now.QuadPart) & 0xFFFFU);
    const std::string name = "lumaflux-" + std::to_string(owner_) + "-" + tail;  // in the session's own namespace
    name_ = "/" + name;                                                          // as the protocol has it
    const auto size = static_cast<unsigned long long>(size_);
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, static_cast<DWORD>(size >> 32),
                                        static_cast<DWORD>(size & 0xFFFFFFFFU), name.c_str());
    if (section == nullptr || GetLastError() != ERROR_ALREADY_EXISTS) return section;
    CloseHandle(section);
  }
  return nullptr;
}

void sweep_shared_memory() {}

}  // namespace lumaflux
