// The plug-in under test: opened as hosts open it, every action with its status remembered.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "properties.h"

class PluginLibrary {
 public:
  // Opens the library and hands it the host. Throws std::runtime_error.
  explicit PluginLibrary(const std::string& path);

  // The main entry; also with handles that no sound host would pass.
  OfxStatus act(const char* action, const void* handle, OfxPropertySetHandle in, OfxPropertySetHandle out);

  void close();  // dlclose
  bool has_set_host() const { return has_set_host_; }
  const OfxPlugin& record() const { return *plugin_; }
  std::vector<std::pair<std::string, OfxStatus>> actions() const;

 private:
  void* library_ = nullptr;
  OfxPlugin* plugin_ = nullptr;
  bool has_set_host_ = false;
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, OfxStatus>> actions_;
};
