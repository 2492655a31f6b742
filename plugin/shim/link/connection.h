// One authenticated connection to the worker: framed messages, each wait with its limit.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "../msgpack.h"
#include "engine_link.h"
#include "process.h"
#include "runtime_directory.h"
#include "stream_socket.h"

namespace lumaflux {

// How often a wait looks whether the host has aborted.
constexpr std::chrono::milliseconds abort_interval{30};

// The worker went away, answers nothing or answers no protocol: worth one new start.
struct EngineLost : std::runtime_error {
  EngineLost(const std::string& what, ProcessId hung_process = 0) : std::runtime_error(what), hung(hung_process) {}
  ProcessId hung;  // the process that does not answer; 0 when it is gone
};

class Connection {
 public:
  // Connects and says hello. Null when nobody listens. Throws EngineLost, Aborted, or EngineError when the worker is of
  // another version or another user.
  static std::unique_ptr<Connection> open(const RuntimeDirectory& directory, const std::string& engine_version,
                                          const AbortPoll& aborted);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends one message; `id` is added and given back. Throws EngineLost.
  int64_t send(ValueMap message);

  // The next message, if one comes in time. Throws EngineLost.
  std::optional<ValueMap> receive(std::chrono::milliseconds limit);

  // False once the worker has closed the other end.
  bool alive() const;

  ProcessId worker() const { return worker_; }

  bool loads = true;  // until it has shown that its model and libraries are there

 private:
  explicit Connection(std::unique_ptr<StreamSocket> socket) : socket_(std::move(socket)) {}
  void hello(const Contact& contact, const std::string& engine_version, const AbortPoll& aborted);
  bool fill(size_t bytes, std::chrono::steady_clock::time_point until);

  std::unique_ptr<StreamSocket> socket_;
  ProcessId worker_ = 0;
  std::string received_;
};

// How long a worker may stay silent after a question; LUMAFLUX_HANG_SECONDS changes it. One that loads has six times as
// long: Python is silent while it opens large libraries, for many seconds from a cold disk.
std::chrono::milliseconds hang_limit(bool loads);

}  // namespace lumaflux
