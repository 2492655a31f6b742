// The directory where the worker's socket, token and log lie.
#pragma once

#include <string>

namespace lumaflux {

struct RuntimeDirectory {
  std::string root;  // LUMAFLUX_RUNTIME_DIR, XDG_RUNTIME_DIR where it is there, or /tmp
  std::string path;  // <root>/lumaflux-<uid>

  std::string socket() const { return path + "/engine.sock"; }
  std::string token() const { return path + "/engine.token"; }
  std::string start_lock() const { return path + "/start.lock"; }
  std::string start_log() const { return path + "/start.log"; }
};

// Makes the directory with mode 0700 when it is missing. Throws EngineError when it cannot, or when it is not the
// user's own.
RuntimeDirectory open_runtime_directory();

// The worker's token as it is now, "" when there is none. Throws EngineError when others could read it.
std::string read_token(const RuntimeDirectory& directory);

}  // namespace lumaflux
