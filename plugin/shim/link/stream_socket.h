// A connected socket that never blocks: of a file, or of a port of the loopback device.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "process.h"

namespace lumaflux {

class StreamSocket {
 public:
  // Null when nobody listens. Throws EngineError when no socket can be opened, or the path is too long for one.
  static std::unique_ptr<StreamSocket> connect_file(const std::string& path);
  static std::unique_ptr<StreamSocket> connect_port(int port);
  ~StreamSocket();
  StreamSocket(const StreamSocket&) = delete;
  StreamSocket& operator=(const StreamSocket&) = delete;

  // Bytes that were moved, or one of these.
  static constexpr int64_t not_now = -1, lost = -2;
  int64_t send(const char* bytes, size_t count);
  int64_t receive(char* bytes, size_t count, bool leave_there = false) const;

  // Whether it can be read, or written, in time. Throws EngineLost.
  bool wait(bool to_write, std::chrono::steady_clock::time_point until) const;

  // The process at the other end, 0 where the system does not say. Throws EngineError when it is another user's.
  ProcessId peer() const;

 private:
#ifdef _WIN32
  using Handle = uintptr_t;
#else
  using Handle = int;
#endif
  explicit StreamSocket(Handle handle) : handle_(handle) {}

  Handle handle_;
  bool file_ = false;
};

}  // namespace lumaflux
