#include <windows.h>

#include "../platform/windows_text.h"
#include "engine_link.h"
#include "runtime_directory.h"

namespace lumaflux {
namespace {

constexpr DWORD lock_byte = 0x7FFFFFF0;  // engine/lumaflux/file_lock.py

std::string variable(const wchar_t* name) {
  std::wstring text(32'768, L'\0');  // the most that a variable can have
  text.resize(GetEnvironmentVariableW(name, text.data(), static_cast<DWORD>(text.size())));
  return utf8(text);
}

bool absolute(const std::string& path) {
  const bool drive = path.size() > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
  return drive || path.substr(0, 2) == "\\\\";
}

std::string root_directory() {
  for (const wchar_t* name : {L"LUMAFLUX_RUNTIME_DIR", L"LOCALAPPDATA"}) {
    if (std::string path = variable(name); absolute(path)) return path;
  }
  throw EngineError("LOCALAPPDATA names no folder: set LUMAFLUX_RUNTIME_DIR to a folder of your own");
}

}  // namespace

RuntimeDirectory open_runtime_directory() {
  RuntimeDirectory directory;
  directory.root = root_directory();
  directory.path = directory.root + "\\lumaflux-engine";
  // LOCALAPPDATA is its user's alone, and what is made there inherits that.
  if (CreateDirectoryW(wide(directory.path).c_str(), nullptr) == 0 && GetLastError() != ERROR_ALREADY_EXISTS) {
    if (GetLastError() == ERROR_DISK_FULL) {
      throw EngineError("the disk of " + directory.root +
                        ", where the LumaFlux engine works, is full: free space there, or set LUMAFLUX_RUNTIME_DIR to "
                        "a directory elsewhere");
    }
    throw EngineError("LumaFlux cannot make its directory " + directory.path +
                      ": set LUMAFLUX_RUNTIME_DIR to a directory that you may write to");
  }
  return directory;
}

std::string read_private(const std::string& path) {
  // Sharing all of it, so that the next worker can replace the file meanwhile.
  const HANDLE file =
      CreateFileW(wide(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                  OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) return {};
  char text[256];
  DWORD length = 0;
  const bool read = ReadFile(file, text, sizeof text, &length, nullptr) != 0;
  CloseHandle(file);
  return read ? std::string(text, length) : std::string();
}

bool worker_holds(const RuntimeDirectory& directory) {
  const HANDLE file = CreateFileW(wide(directory.lock()).c_str(), GENERIC_READ | GENERIC_WRITE,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr);
  if (file == INVALID_HANDLE_VALUE) return false;
  const bool taken = LockFile(file, lock_byte, 0, 1, 0) != 0;
  if (taken) UnlockFile(file, lock_byte, 0, 1, 0);
  CloseHandle(file);
  return !taken;
}

}  // namespace lumaflux
