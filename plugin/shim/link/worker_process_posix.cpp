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
#include <cstring>
#include <string_view>
#include <vector>

#include "worker_process.h"

extern char** environ;

namespace lumaflux {
namespace {

using std::chrono::milliseconds;

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

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

}  // namespace

EngineError full_disk(const RuntimeDirectory& directory) {
  return EngineError("the disk of " + directory.path +
                     ", where the LumaFlux engine works, is full: free space there, or set LUMAFLUX_RUNTIME_DIR to a "
                     "directory elsewhere");
}

struct WorkerProcess::State {
  State(int life_end, pid_t process_group) : life(life_end), group(process_group) {}
  Descriptor life;
  pid_t group;
};

WorkerProcess::WorkerProcess(const RuntimeDirectory& directory, const EngineLocation& location) {
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) throw EngineError(std::string("LumaFlux cannot start its engine: ") + std::strerror(errno));
  state_ = std::make_unique<State>(ends[0], 0);
  // Above every number that the worker's own descriptors use.
  const Descriptor held(fcntl(ends[1], F_DUPFD_CLOEXEC, 10));
  ::close(ends[1]);
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  state_->group = spawn(directory, location, held.get());
}

WorkerProcess::~WorkerProcess() = default;

bool WorkerProcess::ended(milliseconds limit) const {
  pollfd watched{state_->life.get(), POLLIN, 0};
  return poll(&watched, 1, static_cast<int>(limit.count())) > 0;
}

// It still holds `life`, so the group is its own.
void WorkerProcess::kill() { ::kill(-state_->group, SIGKILL); }

struct StartLock::State {
  explicit State(int number) : file(number) {}
  Descriptor file;
};

StartLock::StartLock(const RuntimeDirectory& directory)
    : state_(std::make_unique<State>(
          open(directory.start_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600))) {
  if (state_->file.get() >= 0) return;
  if (errno == ENOSPC || errno == EDQUOT) throw full_disk(directory);
  throw EngineError("LumaFlux cannot write to " + directory.path + " (" + std::strerror(errno) +
                    "): set LUMAFLUX_RUNTIME_DIR to a directory that you may write to");
}

StartLock::~StartLock() = default;

bool StartLock::try_lock() { return flock(state_->file.get(), LOCK_EX | LOCK_NB) == 0; }

bool executable(const std::string& path) { return access(path.c_str(), X_OK) == 0; }

bool disk_is_full(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) return errno == ENOSPC || errno == EDQUOT;
  const std::string line(4096, '\n');
  return write(file.get(), line.data(), line.size()) < 0 && (errno == ENOSPC || errno == EDQUOT);
}

ProcessId own_process() { return getpid(); }

void end_worker(ProcessId process) {
  if (process > 1 && process != own_process()) ::kill(static_cast<pid_t>(process), SIGKILL);
}

}  // namespace lumaflux
