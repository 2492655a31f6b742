// What the effect keeps of one node of a project: handles, whether a message stands there, and what its panel says
// next. No state that a frame depends on.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "../openfx/openfx.h"

namespace lumaflux {

struct Instance {
  OfxImageClipHandle source = nullptr;
  OfxImageClipHandle output = nullptr;
  OfxParamSetHandle parameters = nullptr;
  std::atomic<bool> message_shown{false};
  struct {
    std::mutex mutex;
    std::string engine, frame;
  } panel;
};

// The property set of a descriptor or an instance; null where the host gives none.
OfxPropertySetHandle properties_of(OfxImageEffectHandle effect);

// Null for a NULL handle, and for an instance whose creation failed while the host goes on with it.
Instance* instance_of(OfxImageEffectHandle effect);

void report_failure(OfxImageEffectHandle effect, Instance& instance, const std::string& text);
// What a frame waits for, where the host has messages that stay; until the frame is there.
void report_waiting(OfxImageEffectHandle effect, Instance& instance, const std::string& text);
void report_success(OfxImageEffectHandle effect, Instance& instance);

}  // namespace lumaflux
