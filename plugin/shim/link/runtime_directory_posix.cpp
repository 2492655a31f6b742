#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "engine_link.h"
#include "runtime_directory.h"

namespace lumaflux {
namespace {

std::string root_directory() {
  const char* named = std::getenv("LUMAFLUX_RUNTIME_DIR");
  if (named != nullptr && named[0] == '/') return named;
  const char* session = std::getenv("XDG_RUNTIME_DIR");  // in containers and under su it often is not there
  struct stat facts{};
  if (session != nullptr && session[0] == '/' && stat(session, &facts) == 0 && S_ISDIR(facts.st_mode)) return session;
  return "/tmp";
}

bool private_to_user(const struct stat& facts) {
  return facts.st_uid == geteuid() && (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

}  // namespace

RuntimeDirectory open_runtime_directory() {
  RuntimeDirectory directory;
  directory.root = root_directory();
  directory.path = directory.root + "/lumaflux-" + std::to_string(geteuid());
  if (mkdir(directory.path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    if (errno == ENOSPC || errno == EDQUOT) {
      throw EngineError("the disk of " + directory.root +
                        ", where the LumaFlux engine works, is full: free space there, or set LUMAFLUX_RUNTIME_DIR to "
                        "a directory elsewhere");
    }
    throw EngineError("LumaFlux cannot make its directory " + directory.path + " (" + std::strerror(errno) +
                      "): set LUMAFLUX_RUNTIME_DIR to a directory that you may write to");
  }
  struct stat facts{};
  if (lstat(directory.path.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) || !private_to_user(facts)) {
    throw EngineError("LumaFlux does not trust " + directory.path +
                      ", which others can reach: remove it, or give it mode 0700 and your own user");
  }
  return directory;
}

std::string read_private(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return {};
  struct stat facts{};
  char text[256];
  ssize_t length = -1;
  const bool trusted = fstat(file, &facts) == 0 && private_to_user(facts);
  if (trusted) length = read(file, text, sizeof text);
  ::close(file);
  if (!trusted) {
    throw EngineError("LumaFlux does not trust " + path + ", which others can read: remove it");
  }
  return {text, length > 0 ? static_cast<size_t>(length) : 0};
}

bool worker_holds(const RuntimeDirectory& directory) {
  const int file = open(directory.lock().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return false;
  const bool taken = flock(file, LOCK_EX | LOCK_NB) == 0;
  ::close(file);
  return !taken;
}

}  // namespace lumaflux
