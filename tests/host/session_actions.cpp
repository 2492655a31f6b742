// The actions on instances: what each is told, and what came of it.
#include <stdexcept>

#include "session.h"

namespace {

using lumaflux::Json;

std::vector<PropertyValue> integers(const Json& json, const OfxRectI& otherwise) {
  if (json.array.size() != 4) return {otherwise.x1, otherwise.y1, otherwise.x2, otherwise.y2};
  std::vector<PropertyValue> out;
  for (const Json& member : json.array) out.emplace_back(static_cast<int>(member.number));
  return out;
}

// What render and its companions are told in common.
void put_render_arguments(OfxPropertySetStruct& in, const Json& command, const OfxRectI& whole) {
  const double scale = command["scale"].number_or(1.0);
  in.put(kOfxPropTime, {command["time"].number_or(0.0)});
  in.put(kOfxImageEffectPropFieldToRender, {command["field"].string_or(kOfxImageFieldNone)});
  in.put(kOfxImageEffectPropRenderWindow, integers(command["window"], whole));
  in.put(kOfxImageEffectPropRenderScale, {scale, scale});
  in.put("OfxImageEffectPropSequentialRenderStatus", {0});
  in.put(kOfxImageEffectPropInteractiveRenderStatus, {command["interactive"].boolean_or(false) ? 1 : 0});
  in.put(kOfxImageEffectPropRenderQualityDraft, {command["draft"].boolean_or(false) ? 1 : 0});
  if (command["thumbnail"].boolean_or(false)) in.put(kOfxImageEffectPropThumbnailRender, {1});
}

}  // namespace

JsonObject Session::change(const Json& command) {
  OfxImageEffectStruct& effect = instance(command);
  OfxPropertySetStruct in("arguments");
  in.put(kOfxPropType, {std::string("OfxTypeParameter")});
  in.put(kOfxPropName, {command["name"].string});
  in.put(kOfxPropChangeReason, {command["reason"].string_or(kOfxChangeUserEdited)});
  in.put(kOfxPropTime, {command["time"].number_or(0.0)});
  in.put(kOfxImageEffectPropRenderScale, {1.0, 1.0});
  library().act("OfxActionBeginInstanceChanged", &effect, &in, nullptr);
  RenderCall call;
  call.abort_after = static_cast<int>(command["abort_after"].number_or(-1.0));
  current_call() = &call;
  const OfxStatus status = library().act(kOfxActionInstanceChanged, &effect, &in, nullptr);
  current_call() = nullptr;
  library().act("OfxActionEndInstanceChanged", &effect, &in, nullptr);
  JsonObject texts;
  for (const auto& member : effect.parameters.members) {
    if (member->type == kOfxParamTypeString) texts.add(member->name, member->text);
    if (member->type == kOfxParamTypeInteger || member->type == kOfxParamTypeChoice)
      texts.add(member->name, member->constant);
  }
  return JsonObject()
      .add("status", status)
      .add("progress", call.progress)
      .add("polls", call.polls)
      .raw("values", texts.text());
}

JsonObject Session::render(const Json& command) {
  OfxImageEffectStruct& effect = instance(command);
  const double time = command["time"].number_or(0.0);
  std::shared_ptr<Picture> target;
  if (command["picture"].kind == Json::Kind::string) {
    target = picture_named(command["picture"].string);
    OfxImageClipStruct* output = effect.clip(kOfxImageEffectOutputClipName);
    const std::lock_guard lock(output->mutex);
    output->pictures[time] = target;
  }
  OfxPropertySetStruct in("arguments");
  put_render_arguments(in, command, target ? target->bounds : OfxRectI{0, 0, 0, 0});
  RenderCall call;
  call.scale = command["scale"].number_or(1.0);
  call.renders = true;
  call.abort_after = static_cast<int>(command["abort_after"].number_or(-1.0));
  current_call() = &call;
  const OfxStatus status = library().act(kOfxImageEffectActionRender, &effect, &in, nullptr);
  current_call() = nullptr;
  const double seconds = call.seconds();
  if (target && command["save"].kind == Json::Kind::string) target->save(command["save"].string);
  return JsonObject()
      .add("status", status)
      .add("seconds", seconds)
      .add("polls", call.polls)
      .add("longest_gap", call.longest_gap)
      .add("told", call.told);
}

JsonObject Session::identity(const Json& command) {
  OfxPropertySetStruct in("arguments"), out("arguments");
  put_render_arguments(in, command, {0, 0, 1, 1});
  const OfxStatus status = library().act(kOfxImageEffectActionIsIdentity, &instance(command), &in, &out);
  return JsonObject().add("status", status).raw("out", out.json());
}

JsonObject Session::regions(const Json& command) {
  OfxPropertySetStruct in("arguments"), out("arguments");
  in.put(kOfxPropTime, {command["time"].number_or(0.0)});
  in.put(kOfxImageEffectPropRenderScale, {1.0, 1.0});
  in.put(kOfxImageEffectPropRegionOfInterest, {0.0, 0.0, 1.0, 1.0});
  const OfxStatus status = library().act(kOfxImageEffectActionGetRegionsOfInterest, &instance(command), &in, &out);
  return JsonObject().add("status", status).raw("out", out.json());
}

// Any action; without an instance, with a NULL handle, and with "bare" also without arguments.
JsonObject Session::raw_action(const Json& command) {
  const bool named = command["instance"].kind == Json::Kind::string;
  const void* handle = named ? &instance(command) : nullptr;
  OfxPropertySetStruct in("arguments"), out("arguments");
  put_render_arguments(in, command, {0, 0, 1, 1});
  const bool bare = command["bare"].boolean_or(false);
  const char* action = command["action"].kind == Json::Kind::string ? command["action"].string.c_str() : nullptr;
  RenderCall call;
  current_call() = &call;
  const OfxStatus status = library().act(action, handle, bare ? nullptr : &in, bare ? nullptr : &out);
  current_call() = nullptr;
  return JsonObject().add("status", status).raw("out", out.json());
}
