#include <windows.h>

#include <string_view>
#include <vector>

#include "../platform/windows_text.h"
#include "worker_process.h"

namespace lumaflux {
namespace {

// A handle that closes itself.
class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  ~Handle() {
    if (valid()) CloseHandle(handle_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  HANDLE get() const { return handle_; }
  bool valid() const { return handle_ != nullptr && handle_ != INVALID_HANDLE_VALUE; }

 private:
  HANDLE handle_;
};

EngineError cannot_start() {
  return EngineError("LumaFlux cannot start its engine: Windows says " + std::to_string(GetLastError()));
}

bool starts_with(std::wstring_view text, std::wstring_view prefix) {
  return text.size() >= prefix.size() &&
         CompareStringOrdinal(text.data(), static_cast<int>(prefix.size()), prefix.data(),
                              static_cast<int>(prefix.size()), TRUE) == CSTR_EQUAL;
}

// What a host sets for its own Python must not reach the engine's.
std::wstring scrubbed_environment(const RuntimeDirectory& directory) {
  std::wstring out;
  wchar_t* const block = GetEnvironmentStringsW();
  for (const wchar_t* entry = block; entry != nullptr && *entry != L'\0';) {
    const std::wstring_view text = entry;
    entry += text.size() + 1;
    bool keep = true;
    for (const std::wstring_view prefix : {L"PYTHON", L"LUMAFLUX_EMBED=", L"LUMAFLUX_RUNTIME_DIR="}) {
      keep = keep && !starts_with(text, prefix);
    }
    if (keep) out.append(text).push_back(L'\0');
  }
  if (block != nullptr) FreeEnvironmentStringsW(block);
  return out.append(L"LUMAFLUX_RUNTIME_DIR=").append(wide(directory.root)).append(2, L'\0');
}

HANDLE open_inherited(const wchar_t* path, DWORD access, DWORD creation) {
  SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
  constexpr DWORD all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  return CreateFileW(path, access, all, &inherited, creation, FILE_ATTRIBUTE_NORMAL, nullptr);
}

// The handles that a new process inherits, and no others of the host.
class Inherited {
 public:
  explicit Inherited(std::vector<HANDLE> handles) : handles_(std::move(handles)) {
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    memory_.resize(size);
    if (InitializeProcThreadAttributeList(list(), 1, 0, &size) == 0) throw cannot_start();
    if (UpdateProcThreadAttribute(list(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(),
                                  handles_.size() * sizeof(HANDLE), nullptr, nullptr) == 0) {
      DeleteProcThreadAttributeList(list());
      throw cannot_start();
    }
  }
  ~Inherited() { DeleteProcThreadAttributeList(list()); }
  Inherited(const Inherited&) = delete;
  Inherited& operator=(const Inherited&) = delete;
  LPPROC_THREAD_ATTRIBUTE_LIST list() { return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data()); }

 private:
  std::vector<HANDLE> handles_;
  std::vector<char> memory_;
};

}  // namespace

struct WorkerProcess::State {
  explicit State(HANDLE handle) : process(handle) {}
  Handle process;
};

// A process of Windows is nobody's zombie and does not end with its parent.
WorkerProcess::WorkerProcess(const RuntimeDirectory& directory, const EngineLocation& location) {
  const Handle nothing(open_inherited(L"NUL", GENERIC_READ, OPEN_EXISTING));
  const Handle log(open_inherited(wide(directory.start_log()).c_str(), GENERIC_WRITE, CREATE_ALWAYS));
  if (!log.valid() && GetLastError() == ERROR_DISK_FULL) throw full_disk(directory);
  if (!nothing.valid() || !log.valid()) throw cannot_start();
  Inherited inherited({nothing.get(), log.get()});
  STARTUPINFOEXW start{};
  start.StartupInfo.cb = sizeof start;
  start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  start.StartupInfo.hStdInput = nothing.get();
  start.StartupInfo.hStdOutput = log.get();
  start.StartupInfo.hStdError = log.get();
  start.lpAttributeList = inherited.list();
  std::wstring command =
      L"\"" + wide(location.python) + L"\" -P -m lumaflux.cli serve" + (location.resident ? L" --resident" : L"");
  std::wstring environment = scrubbed_environment(directory);
  constexpr DWORD flags =
      CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
  PROCESS_INFORMATION made{};
  if (CreateProcessW(nullptr, command.data(), nullptr, nullptr, TRUE, flags, environment.data(),
                     wide(directory.path).c_str(), &start.StartupInfo, &made) == 0) {
    throw cannot_start();
  }
  CloseHandle(made.hThread);
  state_ = std::make_unique<State>(made.hProcess);
}

WorkerProcess::~WorkerProcess() = default;

bool WorkerProcess::ended(std::chrono::milliseconds limit) const {
  return WaitForSingleObject(state_->process.get(), static_cast<DWORD>(limit.count())) == WAIT_OBJECT_0;
}

void WorkerProcess::kill() { TerminateProcess(state_->process.get(), 1); }

struct StartLock::State {
  explicit State(const std::string& file) : path(wide(file)) {}
  ~State() { close(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // Opened for nobody else beside.
  bool open() {
    file = CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL,
                       nullptr);
    return file != INVALID_HANDLE_VALUE;
  }
  void close() {
    if (file != INVALID_HANDLE_VALUE) CloseHandle(file);
    file = INVALID_HANDLE_VALUE;
  }
  std::wstring path;
  HANDLE file = INVALID_HANDLE_VALUE;
};

StartLock::StartLock(const RuntimeDirectory& directory) : state_(std::make_unique<State>(directory.start_lock())) {
  if (state_->open() || GetLastError() == ERROR_SHARING_VIOLATION) return;
  if (GetLastError() == ERROR_DISK_FULL) throw full_disk(directory);
  throw EngineError("LumaFlux cannot write to " + directory.path +
                    ": set LUMAFLUX_RUNTIME_DIR to a directory that you may write to");
}

StartLock::~StartLock() = default;

bool StartLock::try_lock() { return state_->file != INVALID_HANDLE_VALUE || state_->open(); }

bool executable(const std::string& path) {
  const DWORD facts = GetFileAttributesW(wide(path).c_str());
  return facts != INVALID_FILE_ATTRIBUTES && (facts & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

bool disk_is_full(const std::string& path) {
  const Handle file(CreateFileW(wide(path).c_str(), FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                                OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
  const std::string line(4096, '\n');
  DWORD written = 0;
  const bool failed = !file.valid() || WriteFile(file.get(), line.data(), 4096, &written, nullptr) == 0;
  return failed && GetLastError() == ERROR_DISK_FULL;
}

EngineError full_disk(const RuntimeDirectory& directory) {
  return EngineError("the disk of " + directory.path +
                     ", where the LumaFlux engine works, is full: free space there, or set LUMAFLUX_RUNTIME_DIR to a "
                     "directory elsewhere");
}

ProcessId own_process() { return static_cast<ProcessId>(GetCurrentProcessId()); }

void end_worker(ProcessId process) {
  if (process <= 0 || process == own_process()) return;
  const Handle handle(OpenProcess(PROCESS_TERMINATE, FALSE, static_cast<DWORD>(process)));
  if (handle.valid()) TerminateProcess(handle.get(), 1);
}

}  // namespace lumaflux
