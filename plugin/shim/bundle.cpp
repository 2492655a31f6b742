#include "bundle.h"

#ifdef _WIN32
#include <windows.h>

#include "platform/windows_text.h"
#else
#include <dlfcn.h>
#endif

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "json.h"
#include "platform/file_name.h"

namespace lumaflux {
namespace {

std::string parent(const std::string& path) {
#ifdef _WIN32
  const size_t slash = path.find_last_of("/\\");
#else
  const size_t slash = path.rfind('/');
#endif
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

#ifdef _WIN32
std::string find_library() {
  static const char anchor = 0;
  HMODULE module = nullptr;
  std::wstring path(32'768, L'\0');  // the longest that there is
  constexpr DWORD by_address = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (GetModuleHandleExW(by_address, reinterpret_cast<LPCWSTR>(&anchor), &module) == 0) return {};
  path.resize(GetModuleFileNameW(module, path.data(), static_cast<DWORD>(path.size())));
  return utf8(path);
}
#else
std::string find_library() {
  Dl_info info{};
  static const char anchor = 0;
  if (dladdr(&anchor, &info) == 0 || info.dli_fname == nullptr) return {};
  char* resolved = realpath(info.dli_fname, nullptr);
  std::string out = resolved != nullptr ? resolved : info.dli_fname;
  std::free(resolved);
  return out;
}
#endif

// Found at load: a relative path would no longer hold after the host changes its directory.
const std::string& library_path() {
  static const std::string path = find_library();
  return path;
}

}  // namespace

std::string library_directory() { return parent(library_path()); }

std::string contents_directory() { return parent(library_directory()); }

std::string read_resource(const std::string& name) {
  const std::string path = contents_directory() + "/Resources/" + name;
  std::ifstream file(file_name(path), std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw BundleError("LumaFlux cannot read " + path + ": run \"lumaflux plugin install\" again");
  }
  return text.str();
}

EngineLocation engine_location() {
  try {
    const Json json = Json::parse(read_resource("engine.json"));
    EngineLocation location{json["python"].string,  json["version"].string,  json["python_version"].string,
                            json["library"].string, json["packages"].string, json["resident"].boolean_or(false)};
    if (!location.python.empty()) return location;
  } catch (const JsonError&) {
    // said below: a broken file and a file without the name need the same remedy
  }
  throw BundleError("the bundle's Resources/engine.json names no Python: run \"lumaflux plugin install\" again");
}

}  // namespace lumaflux
