// The user changed a control. A new model begins to load while he still looks at the panel.
#include "actions.h"
#include "instance.h"
#include "link/engine_link.h"
#include "model_choice.h"
#include "parameters.h"
#include "properties.h"

namespace lumaflux {

OfxStatus instance_changed(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  const Instance* instance = instance_of(effect);
  if (instance != nullptr && get_string(in, kOfxPropName) == "analyse") return analyse(effect, in);
  if (instance == nullptr || get_string(in, kOfxPropName) != "model") return kOfxStatReplyDefault;
  if (get_string(in, kOfxPropChangeReason) != kOfxChangeUserEdited) return kOfxStatReplyDefault;
  const double time = get_double(in, kOfxPropTime).value_or(0.0);
  remember_model(bundle_parameters(), instance->parameters, time);
  engine_link().warm(chosen_model(bundle_parameters(), instance->parameters, time));
  return kOfxStatOK;
}

}  // namespace lumaflux
