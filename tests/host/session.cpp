#include "session.h"

#include <stdexcept>

#include "faults.h"
#include "messages.h"

namespace {

std::string clip_json(const OfxImageClipStruct& clip) { return clip.properties.json(); }

}  // namespace

JsonObject Session::answer(const Json& command) {
  const std::string& what = command["do"].string;
  if (what == "load") return load(command);
  if (what == "describe") return describe();
  if (what == "describe_in_context") return describe_in_context(command);
  if (what == "create") return create(command);
  if (what == "destroy") return destroy(command);
  if (what == "set") return set(command);
  if (what == "change") return change(command);
  if (what == "picture") return picture(command);
  if (what == "connect") return connect(command);
  if (what == "render") return render(command);
  if (what == "identity") return identity(command);
  if (what == "regions") return regions(command);
  if (what == "action") return raw_action(command);
  if (what == "unload") return unload(command);
  if (what == "report") return report();
  throw std::runtime_error("the host does not know the command " + what);
}

PluginLibrary& Session::library() {
  if (!library_) throw std::runtime_error("no plug-in is loaded");
  return *library_;
}

OfxImageEffectStruct& Session::instance(const Json& command) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(command["instance"].string);
  if (found == instances_.end()) throw std::runtime_error("there is no instance " + command["instance"].string);
  return *found->second;
}

std::shared_ptr<Picture> Session::picture_named(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = pictures_.find(name);
  if (found == pictures_.end()) throw std::runtime_error("there is no picture " + name);
  return found->second;
}

JsonObject Session::load(const Json& command) {
  faults().read(command["faults"]);
  library_ = std::make_unique<PluginLibrary>(command["library"].string);
  const OfxPlugin& record = library().record();
  JsonObject out;
  out.add("identifier", record.pluginIdentifier).add("api", record.pluginApi).add("api_version", record.apiVersion);
  out.add("major", static_cast<int>(record.pluginVersionMajor)).add("has_set_host", library().has_set_host());
  return out.add("status", library().act(kOfxActionLoad, nullptr, nullptr, nullptr));
}

JsonObject Session::describe() {
  const OfxStatus status = library().act(kOfxActionDescribe, &description_, nullptr, nullptr);
  return JsonObject().add("status", status).raw("properties", description_.properties.json());
}

JsonObject Session::describe_in_context(const Json& command) {
  const std::string context = command["context"].string_or(kOfxImageEffectContextFilter);
  auto& description = contexts_[context];
  description = std::make_unique<OfxImageEffectStruct>(context);
  description->properties.values = description_.properties.values;
  OfxPropertySetStruct in("arguments");
  in.put(kOfxImageEffectPropContext, {context});
  const OfxStatus status = library().act(kOfxImageEffectActionDescribeInContext, description.get(), &in, nullptr);
  description->parameters.described = true;
  JsonObject clips;
  for (const auto& clip : description->clips) clips.raw(clip->name, clip_json(*clip));
  return JsonObject()
      .add("status", status)
      .raw("clips", clips.text())
      .raw("parameters", description->parameters.json());
}

JsonObject Session::create(const Json& command) {
  const std::string context = command["context"].string_or(kOfxImageEffectContextFilter);
  const std::string& name = command["instance"].string;
  const auto described = contexts_.find(context);
  if (described == contexts_.end()) throw std::runtime_error(context + " is not described");
  auto made = std::make_unique<OfxImageEffectStruct>(name, *described->second, context);
  OfxImageEffectStruct* handle = made.get();
  {
    const std::lock_guard lock(mutex_);
    instances_[name] = std::move(made);
  }
  return JsonObject().add("status", library().act(kOfxActionCreateInstance, handle, nullptr, nullptr));
}

JsonObject Session::destroy(const Json& command) {
  const OfxStatus status = library().act(kOfxActionDestroyInstance, &instance(command), nullptr, nullptr);
  const std::lock_guard lock(mutex_);
  instances_.erase(command["instance"].string);
  return JsonObject().add("status", status);
}

JsonObject Session::set(const Json& command) {
  OfxParamSetStruct& parameters = instance(command).parameters;
  for (const auto& [name, value] : command["values"].object) {
    OfxParamStruct* found = parameters.find(name);
    if (found == nullptr) throw std::runtime_error("there is no parameter " + name);
    const std::lock_guard lock(found->mutex);
    found->keys.clear();
    if (value.kind == Json::Kind::array) {  // [[time, value], ...]
      for (const Json& key : value.array) found->keys[key.array.at(0).number] = key.array.at(1).number;
    } else if (value.kind == Json::Kind::string) {
      found->text = value.string;
    } else {
      found->constant = value.kind == Json::Kind::boolean ? value.boolean : value.number;
    }
  }
  return {};
}

JsonObject Session::picture(const Json& command) {
  auto made = std::make_shared<Picture>(command);
  const std::lock_guard lock(mutex_);
  pictures_[command["picture"].string] = std::move(made);
  return {};
}

JsonObject Session::connect(const Json& command) {
  OfxImageClipStruct* clip = instance(command).clip(command["clip"].string);
  if (clip == nullptr) throw std::runtime_error("there is no clip " + command["clip"].string);
  if (command["range"].array.size() == 2) {
    clip->properties.put(kOfxImageEffectPropFrameRange,
                         {command["range"].array[0].number, command["range"].array[1].number});
    return {};
  }
  if (command["colourspace"].kind == Json::Kind::string) {
    clip->properties.put(kOfxImageClipPropColourspace, {command["colourspace"].string});
    return {};
  }
  auto shown = command["picture"].kind == Json::Kind::string ? picture_named(command["picture"].string) : nullptr;
  const std::lock_guard lock(clip->mutex);
  clip->pictures[command["time"].number_or(0.0)] = std::move(shown);
  return {};
}

JsonObject Session::unload(const Json& command) {
  const OfxStatus status = library().act(kOfxActionUnload, nullptr, nullptr, nullptr);
  if (command["close"].boolean_or(true)) library().close();
  return JsonObject().add("status", status);
}

JsonObject Session::report() {
  std::vector<std::string> said, wrong, acted;
  for (const Message& message : messages()) {
    said.push_back(JsonObject().add("call", message.call).add("type", message.type).add("text", message.text).text());
  }
  for (const auto& sentence : violations()) wrong.push_back(json_quoted(sentence));
  if (library_) {
    for (const auto& [action, status] : library_->actions()) {
      acted.push_back(json_list({json_quoted(action), std::to_string(status)}));
    }
  }
  return JsonObject()
      .raw("messages", json_list(said))
      .raw("violations", json_list(wrong))
      .raw("actions", json_list(acted))
      .add("fetched", image_count().fetched.load())
      .add("released", image_count().released.load());
}
