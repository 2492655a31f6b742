#include "effect.h"

#include <algorithm>

OfxImageClipStruct::OfxImageClipStruct(std::string name_, OfxImageEffectStruct* effect_)
    : name(std::move(name_)), effect(effect_) {
  properties.put(kOfxPropType, {std::string("OfxTypeClip")});
  properties.put(kOfxPropName, {name});
}

std::shared_ptr<Picture> OfxImageClipStruct::at(double time) const {
  const std::lock_guard lock(mutex);
  const auto found = pictures.find(time);
  return found == pictures.end() ? nullptr : found->second;
}

OfxImageEffectStruct::OfxImageEffectStruct(std::string name_) : name(std::move(name_)) {
  properties.put(kOfxPropType, {std::string("OfxTypeImageEffect")});
}

OfxImageEffectStruct::OfxImageEffectStruct(std::string name_, const OfxImageEffectStruct& description,
                                           const std::string& context)
    : name(std::move(name_)), instance(true), parameters(description.parameters) {
  properties.put(kOfxPropType, {std::string("OfxTypeImageEffectInstance")});
  properties.put(kOfxImageEffectPropContext, {context});
  properties.put(kOfxPropInstanceData, {static_cast<void*>(nullptr)});
  properties.put("OfxPropIsInteractive", {0});
  for (const auto& clip : description.clips) define_clip(clip->name);
  for (const auto& clip : clips) clip->properties.put("OfxImageClipPropConnected", {1});
}

OfxImageClipStruct* OfxImageEffectStruct::clip(const std::string& wanted) const {
  const auto found = std::find_if(clips.begin(), clips.end(), [&](const auto& one) { return one->name == wanted; });
  return found == clips.end() ? nullptr : found->get();
}

OfxImageClipStruct* OfxImageEffectStruct::define_clip(const std::string& clip_name) {
  clips.push_back(std::make_unique<OfxImageClipStruct>(clip_name, this));
  return clips.back().get();
}

bool RenderCall::poll() {
  const auto now = Clock::now();
  longest_gap = std::max(longest_gap, std::chrono::duration<double>(now - last).count());
  last = now;
  ++polls;
  const bool wanted = abort_after >= 0 && polls > abort_after;
  if (wanted && told < 0.0) told = seconds();
  return wanted;
}

RenderCall*& current_call() {
  static thread_local RenderCall* call = nullptr;
  return call;
}
