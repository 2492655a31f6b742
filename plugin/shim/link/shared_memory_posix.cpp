#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>

#include "shared_memory.h"

namespace lumaflux {
namespace {

constexpr std::string_view prefix = "lumaflux-";

int reserve(int file, size_t bytes) {
#ifdef __linux__
  int error = 0;
  do {
    error = posix_fallocate(file, 0, static_cast<off_t>(bytes));
  } while (error == EINTR);
  return error;
#else
  return ftruncate(file, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
#endif
}

// Names of objects that are there, so that a host that exits without unloading leaves none.
struct Names {
  std::mutex mutex;
  std::map<std::string, pid_t> owners;
};

// Never destroyed: a host may exit while its threads still render.
Names& names() {
  static auto* the_names = new Names;
  return *the_names;
}

struct AtExit {
  ~AtExit() {
    const std::lock_guard lock(names().mutex);
    for (const auto& [name, owner] : names().owners) {
      if (owner == getpid()) shm_unlink(name.c_str());  // not those of a host that forked us
    }
  }
};

const AtExit at_exit;

}  // namespace

SharedMemory::SharedMemory(size_t bytes, const std::string& purpose) : size_(bytes), owner_(own_process()) {
  const int file = create();
  const int error = reserve(file, size_);
  void* memory = error == 0 ? mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
  ::close(file);
  if (memory == MAP_FAILED) {
    shm_unlink(name_.c_str());
    throw EngineError("LumaFlux needs " + std::to_string(size_ / 1'000'000 + 1) + " MB of shared memory for " +
                      purpose + ", and there is not so much: free or enlarge /dev/shm");
  }
  memory_ = static_cast<char*>(memory);
  const std::lock_guard lock(names().mutex);
  names().owners[name_] = static_cast<pid_t>(owner_);
}

SharedMemory::~SharedMemory() {
  munmap(memory_, size_);
  const std::lock_guard lock(names().mutex);
  names().owners.erase(name_);
  if (mine()) shm_unlink(name_.c_str());
}

int SharedMemory::create() {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    char tail[9];  // macOS takes 31 characters in all
    std::snprintf(tail, sizeof tail, "%04x%04x", counter++ & 0xFFFFU, static_cast<unsigned>(now.tv_nsec) & 0xFFFFU);
    name_ = "/" + std::string(prefix) + std::to_string(getpid()) + "-" + tail;
    const int file = shm_open(name_.c_str(), O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (file >= 0) return file;
    if (errno != EEXIST) break;
  }
  throw EngineError(std::string("LumaFlux cannot make shared memory (") + std::strerror(errno) +
                    "): make /dev/shm writable for this user");
}

void sweep_shared_memory() {
#ifdef __linux__
  constexpr time_t grace_seconds = 60;  // a process of another pid namespace looks dead to us
  DIR* directory = opendir("/dev/shm");
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name.substr(0, prefix.size()) != prefix) continue;
    pid_t owner = 0;
    const auto [end, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), owner);
    if (error != std::errc() || *end != '-' || kill(owner, 0) == 0 || errno != ESRCH) continue;
    const std::string path = "/" + std::string(name);
    struct stat facts{};
    if (lstat(("/dev/shm" + path).c_str(), &facts) != 0 || facts.st_uid != geteuid()) continue;
    if (facts.st_mtime + grace_seconds < time(nullptr)) shm_unlink(path.c_str());
  }
  closedir(directory);
#endif
}

}  // namespace lumaflux
