#include "launcher.h"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>

#include "../platform/file_name.h"
#include "worker_process.h"

namespace lumaflux {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds tick{30};

steady_clock::duration start_limit() {
  constexpr double usual = 60.0;
  double seconds = usual;
  if (const char* text = std::getenv("LUMAFLUX_START_SECONDS")) {
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), seconds);
    if (error != std::errc() || !(seconds >= 0.1 && seconds <= 3600.0)) seconds = usual;
  }
  return milliseconds(static_cast<int64_t>(seconds * 1000.0));
}

std::string last_line(const std::string& path) {
  std::ifstream file(file_name(path));
  std::string line, last;
  while (std::getline(file, line)) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  return last.substr(0, 300);
}

// A worker that is just dying still takes connections, and breaks them off when it is gone.
std::unique_ptr<Connection> open_patiently(const RuntimeDirectory& directory, const EngineLocation& location,
                                           const AbortPoll& aborted) {
  std::optional<steady_clock::time_point> first_loss;
  for (;;) {
    try {
      return Connection::open(directory, location.version, aborted);
    } catch (const EngineLost& loss) {
      if (!first_loss) first_loss = steady_clock::now();
      if (loss.hung != 0 || steady_clock::now() > *first_loss + std::chrono::seconds(2)) throw;
    }
    if (aborted()) throw Aborted{};
    std::this_thread::sleep_for(tick);
  }
}

std::unique_ptr<Connection> start(const RuntimeDirectory& directory, const EngineLocation& location,
                                  const AbortPoll& aborted) {
  if (!executable(location.python)) {
    throw EngineError("the Python of the LumaFlux engine, " + location.python +
                      ", is not there: run \"lumaflux plugin install\" again");
  }
  WorkerProcess worker(directory, location);
  const auto until = steady_clock::now() + start_limit();
  while (steady_clock::now() < until) {
    const bool gone = worker.ended(tick);
    if (auto connection = Connection::open(directory, location.version, aborted)) return connection;
    if (aborted()) throw Aborted{};
    if (gone) {
      if (disk_is_full(directory.start_log())) throw full_disk(directory);
      const std::string reason = last_line(directory.start_log());
      throw EngineError("the LumaFlux engine could not start" + (reason.empty() ? "" : " (" + reason + ")") +
                        ": run \"lumaflux plugin status\" in a terminal");
    }
  }
  worker.kill();  // the next frame would start one more
  throw EngineError("the LumaFlux engine did not come up in time: see " + directory.start_log() +
                    ", then run \"lumaflux plugin status\" in a terminal");
}

}  // namespace

std::unique_ptr<Connection> connect_or_start(const RuntimeDirectory& directory, const EngineLocation& location,
                                             const AbortPoll& aborted) {
  if (auto connection = open_patiently(directory, location, aborted)) return connection;
  StartLock lock(directory);
  while (!lock.try_lock()) {
    if (aborted()) throw Aborted{};
    std::this_thread::sleep_for(tick);
  }
  if (auto connection = open_patiently(directory, location, aborted)) return connection;
  return start(directory, location, aborted);
}

}  // namespace lumaflux
