// What a driver has made in this host so far, and the commands that it may give.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "../../plugin/shim/json.h"
#include "effect.h"
#include "json_text.h"
#include "plugin_library.h"

class Session {
 public:
  // One command to one answer. Throws std::runtime_error for a command that cannot be.
  JsonObject answer(const lumaflux::Json& command);

 private:
  using Json = lumaflux::Json;

  JsonObject load(const Json& command);
  JsonObject describe();
  JsonObject describe_in_context(const Json& command);
  JsonObject create(const Json& command);
  JsonObject destroy(const Json& command);
  JsonObject set(const Json& command);
  JsonObject change(const Json& command);
  JsonObject picture(const Json& command);
  JsonObject connect(const Json& command);
  JsonObject render(const Json& command);
  JsonObject identity(const Json& command);
  JsonObject regions(const Json& command);
  JsonObject raw_action(const Json& command);
  JsonObject unload(const Json& command);
  JsonObject report();

  PluginLibrary& library();
  OfxImageEffectStruct& instance(const Json& command);
  std::shared_ptr<Picture> picture_named(const std::string& name);

  std::mutex mutex_;  // of the maps; actions run outside of it
  std::unique_ptr<PluginLibrary> library_;
  OfxImageEffectStruct description_{"description"};
  std::map<std::string, std::unique_ptr<OfxImageEffectStruct>> contexts_;
  std::map<std::string, std::unique_ptr<OfxImageEffectStruct>> instances_;
  std::map<std::string, std::shared_ptr<Picture>> pictures_;
};
