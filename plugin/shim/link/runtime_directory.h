// The directory where the worker's socket, token and log lie.
#pragma once

#include <string>

namespace lumaflux {

struct RuntimeDirectory {
  std::string root;  // LUMAFLUX_RUNTIME_DIR, XDG_RUNTIME_DIR where it is there, or /tmp; on Windows LOCALAPPDATA
  std::string path;  // <root>/lumaflux-<uid>; on Windows <root>/lumaflux-engine

  std::string socket() const { return path + "/engine.sock"; }
  std::string token() const { return path + "/engine.token"; }
  std::string lock() const { return path + "/engine.lock"; }
  std::string start_lock() const { return path + "/start.lock"; }
  std::string start_log() const { return path + "/start.log"; }
};

// How to speak to the worker that runs; `token` is "" when none does. Where sockets are no files, it listens on a
// `port` of the loopback device, and its welcome must say `proof`.
struct Contact {
  std::string token;
  int port = 0;
  std::string proof;
};

// Makes the directory with mode 0700 when it is missing. Throws EngineError when it cannot, or when it is not the
// user's own.
RuntimeDirectory open_runtime_directory();

// What the worker wrote, as it is now. Throws EngineError when others could read it.
Contact read_contact(const RuntimeDirectory& directory);

// The text of a file of the user's alone, "" when there is none. Throws EngineError when others could read it.
std::string read_private(const std::string& path);

// Whether a worker has its lock; one that ended lets go of it.
bool worker_holds(const RuntimeDirectory& directory);

}  // namespace lumaflux
