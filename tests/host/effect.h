// Descriptors and instances of the effect, their clips, and what a render that is under way wants.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "parameters.h"
#include "pictures.h"

struct OfxImageClipStruct {
  OfxImageClipStruct(std::string name, OfxImageEffectStruct* effect);
  std::shared_ptr<Picture> at(double time) const;

  std::string name;
  OfxImageEffectStruct* effect;
  OfxPropertySetStruct properties{"clip"};
  mutable std::mutex mutex;
  std::map<double, std::shared_ptr<Picture>> pictures;
};

struct OfxImageEffectStruct {
  explicit OfxImageEffectStruct(std::string name);
  // An instance of what `description` describes.
  OfxImageEffectStruct(std::string name, const OfxImageEffectStruct& description, const std::string& context);
  OfxImageClipStruct* clip(const std::string& name) const;
  OfxImageClipStruct* define_clip(const std::string& name);

  std::string name;
  bool instance = false;
  OfxPropertySetStruct properties{"effect"};
  OfxParamSetStruct parameters;
  std::vector<std::unique_ptr<OfxImageClipStruct>> clips;
};

// One call of render: how often the plug-in asked whether to abort, and when it is told so.
struct RenderCall {
  using Clock = std::chrono::steady_clock;

  int abort_after = -1;  // polls; -1 never
  double scale = 1.0;
  bool renders = false;
  double progress = -1.0;  // the last that was told
  int polls = 0;
  double longest_gap = 0.0;  // seconds between two polls
  double told = -1.0;        // seconds after the start when abort was first said
  Clock::time_point start = Clock::now(), last = start;

  bool poll();
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
};

// The call that the current thread is in; null outside of render.
RenderCall*& current_call();

extern const OfxImageEffectSuiteV1 image_effect_suite;
