// What the effect keeps of one node of a project: handles, and whether a message stands there. No state of frames.
#pragma once

#include <atomic>
#include <string>

#include "../openfx/openfx.h"

namespace lumaflux {

struct Instance {
  OfxImageClipHandle source = nullptr;
  OfxImageClipHandle output = nullptr;
  OfxParamSetHandle parameters = nullptr;
  std::atomic<bool> message_shown{false};
};

// The property set of a descriptor or an instance; null where the host gives none.
OfxPropertySetHandle properties_of(OfxImageEffectHandle effect);

// Null for a NULL handle, and for an instance whose creation failed while the host goes on with it.
Instance* instance_of(OfxImageEffectHandle effect);

void report_failure(OfxImageEffectHandle effect, Instance& instance, const std::string& text);
void report_success(OfxImageEffectHandle effect, Instance& instance);

}  // namespace lumaflux
