#include "plugin_library.h"

#include <dlfcn.h>

#include <stdexcept>

#include "suites.h"

namespace {

template <typename Function>
Function* symbol(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

}  // namespace

PluginLibrary::PluginLibrary(const std::string& path) : library_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr) throw std::runtime_error(dlerror());
  auto* set_host = symbol<OfxStatus(const OfxHost*)>(library_, "OfxSetHost");
  auto* count = symbol<int()>(library_, "OfxGetNumberOfPlugins");
  auto* get = symbol<OfxPlugin*(int)>(library_, "OfxGetPlugin");
  if (count == nullptr || get == nullptr) throw std::runtime_error(path + " is no OpenFX plug-in");
  has_set_host_ = set_host != nullptr;
  if (has_set_host_ && set_host(host_record()) != kOfxStatOK) throw std::runtime_error("OfxSetHost failed");
  if (count() != 1 || get(-1) != nullptr || get(1) != nullptr || get(0) == nullptr) {
    throw std::runtime_error(path + " does not hold exactly one plug-in");
  }
  plugin_ = get(0);
  plugin_->setHost(host_record());
}

OfxStatus PluginLibrary::act(const char* action, const void* handle, OfxPropertySetHandle in,
                             OfxPropertySetHandle out) {
  const OfxStatus status = plugin_->mainEntry(action, handle, in, out);
  const std::lock_guard lock(mutex_);
  actions_.emplace_back(action == nullptr ? "NULL" : action, status);
  return status;
}

void PluginLibrary::close() {
  if (library_ != nullptr) dlclose(library_);
  library_ = nullptr;
  plugin_ = nullptr;
}

std::vector<std::pair<std::string, OfxStatus>> PluginLibrary::actions() const {
  const std::lock_guard lock(mutex_);
  return actions_;
}
