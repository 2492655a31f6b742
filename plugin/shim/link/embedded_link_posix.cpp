#include "embedded_link.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif

#include "../../embed/bridge.h"
#include "../bundle.h"
#include "../json.h"

namespace lumaflux {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw EngineError("LumaFlux cannot run inside this host (" + reason +
                    "): unset LUMAFLUX_EMBED, and the engine runs as a process of its own");
}

// "3.11.7 (main, ...)" -> "3.11.7".
std::string version_of(void* library) {
  using GetVersion = const char*();
  const auto get = reinterpret_cast<GetVersion*>(dlsym(library, "Py_GetVersion"));
  if (get == nullptr) return {};
  const std::string text = get();
  return text.substr(0, text.find(' '));
}

#ifdef __APPLE__
std::vector<std::string> python_libraries() {
  std::vector<std::string> out;
  for (uint32_t i = 0; i < _dyld_image_count(); ++i) {
    const char* name = _dyld_get_image_name(i);
    const bool python =
        name != nullptr && (std::strstr(name, "libpython") != nullptr || std::strstr(name, "Python.fr") != nullptr);
    if (python) out.emplace_back(name);
  }
  return out;
}
#else
int collect(dl_phdr_info* info, size_t, void* out) {
  if (info->dlpi_name != nullptr && std::strstr(info->dlpi_name, "libpython") != nullptr) {
    static_cast<std::vector<std::string>*>(out)->emplace_back(info->dlpi_name);
  }
  return 0;
}

std::vector<std::string> python_libraries() {
  std::vector<std::string> out;
  dl_iterate_phdr(collect, &out);
  return out;
}
#endif

// The versions of every Python in this process: in the global scope, or in a library that was loaded apart.
std::vector<std::string> pythons_here() {
  std::vector<std::string> versions;
  if (const std::string version = version_of(RTLD_DEFAULT); !version.empty()) versions.push_back(version);
  for (const std::string& path : python_libraries()) {
    void* library = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) continue;
    if (const std::string version = version_of(library); !version.empty()) versions.push_back(version);
    dlclose(library);
  }
  return versions;
}

// The memory of a frame is the process's own: nothing has to be shared.
class PlainMemory : public FrameMemory {
 public:
  explicit PlainMemory(size_t bytes) : source_(bytes), result_(bytes) {}
  char* source() override { return source_.data(); }
  char* result() override { return result_.data(); }

 private:
  std::vector<char> source_, result_;
};

template <typename Call>
Json answer_of(const Call& call) {
  char said[8192] = "the LumaFlux engine failed without saying why";
  const LumaFluxOutcome outcome = call(said, sizeof said);
  if (outcome == LUMAFLUX_ABORTED) throw Aborted{};
  if (outcome != LUMAFLUX_DONE) throw EngineError(said);
  try {
    return Json::parse(said);
  } catch (const JsonError&) {
    return {};  // the frame is there all the same
  }
}

int poll_abort(void* context) { return (*static_cast<const AbortPoll*>(context))() ? 1 : 0; }

struct Listener {
  const AbortPoll& aborted;
  const std::function<void(double)>& progress;
};

int tell(void* context, double share) {
  const auto& listener = *static_cast<const Listener*>(context);
  listener.progress(share);
  return listener.aborted() ? 1 : 0;
}

LumaFluxFrame frame_of(const RenderJob& job, FrameMemory& memory, const std::string& parameters) {
  return {memory.source(),   memory.result(),   job.frame_bytes(),
          job.width,         job.height,        job.components,
          job.depth.c_str(), job.premultiplied, job.priority == "thumbnail",
          parameters.data(), parameters.size()};
}

class EmbeddedLink : public EngineLink {
 public:
  explicit EmbeddedLink(const LumaFluxBridge* bridge) : bridge_(bridge) {}

  std::unique_ptr<FrameMemory> allocate(const RenderJob& job) override {
    return std::make_unique<PlainMemory>(job.frame_bytes());
  }

  RenderFacts render(const RenderJob& job, FrameMemory& memory, const AbortPoll& aborted, const WaitingFor&) override {
    const std::string parameters = pack(job.parameters);
    const LumaFluxFrame frame = frame_of(job, memory, parameters);
    const LumaFluxAbort wish{poll_abort, const_cast<AbortPoll*>(&aborted)};
    const Json facts = answer_of([&](char* said, size_t size) { return bridge_->render(&frame, &wish, said, size); });
    return {facts["model"].string, facts["backend"].string, facts["seconds"].number, facts["cached"].boolean,
            facts["track"].boolean};
  }

  EngineState load(const std::string& model, const AbortPoll&) override {  // it holds the host's thread
    const Json facts = answer_of([&](char* said, size_t size) { return bridge_->load(model.c_str(), said, size); });
    return {facts["model"].string, facts["backend"].string, getpid(), static_cast<int64_t>(facts["rss_mb"].number), 0};
  }

  Analysis analyse(const ValueMap& parameters, const NextFrame& next, const AbortPoll& aborted,
                   const std::function<void(double)>& progress) override {
    for (int64_t number = 0;; ++number) {
      RenderJob job;
      std::unique_ptr<FrameMemory> memory;
      if (!next(number, job, memory)) break;
      if (aborted()) throw Aborted{};
      const std::string of_frame = pack(job.parameters);
      const LumaFluxFrame frame = frame_of(job, *memory, of_frame);
      answer_of([&](char* said, size_t size) { return bridge_->look(&frame, number, job.frame, said, size); });
    }
    const std::string packed = pack(parameters);
    const Listener listener{aborted, progress};
    const LumaFluxProgress told{tell, const_cast<Listener*>(&listener)};
    const Json found = answer_of(
        [&](char* said, size_t size) { return bridge_->analyze(packed.data(), packed.size(), &told, said, size); });
    Analysis analysis{found["track"].string, static_cast<int64_t>(found["frames"].number), std::nullopt};
    if (found["start"].kind == Json::Kind::number) analysis.start = static_cast<int64_t>(found["start"].number);
    return analysis;
  }

  void warm(const std::string&) override {}  // it would hold the host's thread
  void close() override {}                   // Python stays: it cannot be unloaded

 private:
  const LumaFluxBridge* bridge_;
};

const LumaFluxBridge* open_bridge() {
  const std::string path = library_directory() + "/LumaFluxBridge.so";
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse(dlerror());
  const auto entry = reinterpret_cast<LumaFluxBridgeEntry*>(dlsym(library, "lumaflux_bridge"));
  const LumaFluxBridge* bridge = entry != nullptr ? entry() : nullptr;
  if (bridge == nullptr || bridge->version != lumaflux_bridge_version) refuse("its bridge is of another version");
  return bridge;
}

}  // namespace

std::unique_ptr<EngineLink> open_embedded_link() {
  const EngineLocation location = engine_location();
  if (location.library.empty()) refuse("the engine's Python has no shared library");
  const std::vector<std::string> here = pythons_here();
  for (const std::string& version : here) {
    if (version != location.python_version)
      refuse("it has Python " + version + ", the engine " + location.python_version);
  }
  // Python's own extension modules look for its symbols in the global scope.
  void* python = dlopen(location.library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (python == nullptr) refuse(dlerror());
  if (version_of(python) != location.python_version) refuse("its Python has changed since \"lumaflux plugin install\"");
  const LumaFluxBridge* bridge = open_bridge();
  char error[512] = "";
  if (bridge->start(location.python.c_str(), location.packages.c_str(), error, sizeof error) == 0) refuse(error);
  return std::make_unique<EmbeddedLink>(bridge);
}

}  // namespace lumaflux
