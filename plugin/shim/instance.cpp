#include "instance.h"

#include "host.h"
#include "messages.h"
#include "properties.h"

namespace lumaflux {

OfxPropertySetHandle properties_of(OfxImageEffectHandle effect) {
  OfxPropertySetHandle properties = nullptr;
  if (effect == nullptr || host().effect == nullptr) return nullptr;
  return host().effect->getPropertySet(effect, &properties) == kOfxStatOK ? properties : nullptr;
}

Instance* instance_of(OfxImageEffectHandle effect) {
  return static_cast<Instance*>(get_pointer(properties_of(effect), kOfxPropInstanceData));
}

void report_failure(OfxImageEffectHandle effect, Instance& instance, const std::string& text) {
  const bool first_time = !instance.message_shown.exchange(true);
  show_message(effect, text, first_time);
}

void report_waiting(OfxImageEffectHandle effect, Instance& instance, const std::string& text) {
  if (show_note(effect, text)) instance.message_shown = true;
}

void report_success(OfxImageEffectHandle effect, Instance& instance) {
  if (instance.message_shown.exchange(false)) clear_message(effect);
}

}  // namespace lumaflux
