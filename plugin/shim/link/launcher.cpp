#include "launcher.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

extern char** environ;

namespace lumaflux {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds tick{30};

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  void reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

steady_clock::duration start_limit() {
  constexpr double usual = 60.0;
  double seconds = usual;
  if (const char* text = std::getenv("LUMAFLUX_START_SECONDS")) {
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), seconds);
    if (error != std::errc() || !(seconds >= 0.1 && seconds <= 3600.0)) seconds = usual;
  }
  return milliseconds(static_cast<int64_t>(seconds * 1000.0));
}

// What a host sets for its own Python and libraries must not reach the engine's.
std::vector<std::string> scrubbed_environment(const RuntimeDirectory& directory) {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool keep = true;
    for (const std::string_view prefix : {"PYTHON", "LD_", "DYLD_", "LUMAFLUX_EMBED=", "LUMAFLUX_RUNTIME_DIR="}) {
      keep = keep && text.substr(0, prefix.size()) != prefix;
    }
    if (keep) out.emplace_back(text);
  }
  out.push_back("LUMAFLUX_RUNTIME_DIR=" + directory.root);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<int> open_descriptors() {
  std::vector<int> out;
  DIR* directory = opendir("/dev/fd");
  if (directory == nullptr) return out;
  while (const dirent* entry = readdir(directory)) {
    int number = -1;
    std::from_chars(entry->d_name, entry->d_name + std::strlen(entry->d_name), number);
    if (number > 3 && number != dirfd(directory)) out.push_back(number);
  }
  closedir(directory);
  return out;
}

EngineError full_disk(const RuntimeDirectory& directory) {
  return EngineError("the disk of " + directory.path +
                     ", where the LumaFlux engine works, is full: free space there, or set LUMAFLUX_RUNTIME_DIR to a "
                     "directory elsewhere");
}

// Spawns the worker through a shell that leaves at once, so that the worker is init's child and not the host's. The
// worker holds the pipe `life` open as its descriptor 3 as long as it lives. Returns its process group.
pid_t spawn(const RuntimeDirectory& directory, const EngineLocation& location, int life) {
  std::vector<std::string> arguments = {"sh", "-c", "cd / && exec \"$@\" &", "sh",   location.python,
                                        "-P", "-m", "lumaflux.cli",          "serve"};
  if (location.resident) arguments.emplace_back("--resident");
  std::vector<std::string> environment = scrubbed_environment(directory);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, life, 3);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, directory.start_log().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  for (const int number : open_descriptors()) posix_spawn_file_actions_addclose(&files, number);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  pid_t shell = 0;
  const int error =
      posix_spawn(&shell, "/bin/sh", &files, &attributes, pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error == ENOSPC || error == EDQUOT) throw full_disk(directory);
  if (error != 0) throw EngineError(std::string("LumaFlux cannot start its engine: ") + std::strerror(error));
  while (waitpid(shell, nullptr, 0) < 0 && errno == EINTR) {
  }
  return shell;
}

bool ended(int life) {
  pollfd watched{life, POLLIN, 0};
  return poll(&watched, 1, static_cast<int>(tick.count())) > 0;
}

std::string last_line(const std::string& path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line)) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  return last.substr(0, 300);
}

// The worker's last words may be missing because there was no room for them.
bool disk_is_full(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) return errno == ENOSPC || errno == EDQUOT;
  const std::string line(4096, '\n');
  return write(file.get(), line.data(), line.size()) < 0 && (errno == ENOSPC || errno == EDQUOT);
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
    poll(nullptr, 0, static_cast<int>(tick.count()));
  }
}

std::unique_ptr<Connection> start(const RuntimeDirectory& directory, const EngineLocation& location,
                                  const AbortPoll& aborted) {
  if (access(location.python.c_str(), X_OK) != 0) {
    throw EngineError("the Python of the LumaFlux engine, " + location.python +
                      ", is not there: run \"lumaflux plugin install\" again");
  }
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) throw EngineError(std::string("LumaFlux cannot start its engine: ") + std::strerror(errno));
  const Descriptor life(ends[0]);
  // Above every number that the worker's own descriptors use.
  Descriptor held(fcntl(ends[1], F_DUPFD_CLOEXEC, 10));
  ::close(ends[1]);
  fcntl(life.get(), F_SETFD, FD_CLOEXEC);
  const pid_t group = spawn(directory, location, held.get());
  held.reset();

  const auto until = steady_clock::now() + start_limit();
  while (steady_clock::now() < until) {
    const bool gone = ended(life.get());
    if (auto connection = Connection::open(directory, location.version, aborted)) return connection;
    if (aborted()) throw Aborted{};
    if (gone) {
      if (disk_is_full(directory.start_log())) throw full_disk(directory);
      const std::string reason = last_line(directory.start_log());
      throw EngineError("the LumaFlux engine could not start" + (reason.empty() ? "" : " (" + reason + ")") +
                        ": run \"lumaflux plugin status\" in a terminal");
    }
  }
  kill(-group, SIGKILL);  // it still holds `life`, so the group is its own; the next frame would start one more
  throw EngineError("the LumaFlux engine did not come up in time: see " + directory.start_log() +
                    ", then run \"lumaflux plugin status\" in a terminal");
}

}  // namespace

std::unique_ptr<Connection> connect_or_start(const RuntimeDirectory& directory, const EngineLocation& location,
                                             const AbortPoll& aborted) {
  if (auto connection = open_patiently(directory, location, aborted)) return connection;
  const Descriptor lock(open(directory.start_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) {
    if (errno == ENOSPC || errno == EDQUOT) throw full_disk(directory);
    throw EngineError("LumaFlux cannot write to " + directory.path + " (" + std::strerror(errno) +
                      "): set LUMAFLUX_RUNTIME_DIR to a directory that you may write to");
  }
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (aborted()) throw Aborted{};
    poll(nullptr, 0, static_cast<int>(tick.count()));
  }
  if (auto connection = open_patiently(directory, location, aborted)) return connection;
  return start(directory, location, aborted);
}

void end_worker(pid_t process) {
  if (process > 1 && process != getpid()) kill(process, SIGKILL);
}

}  // namespace lumaflux
