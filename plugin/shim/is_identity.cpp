// Only bypass hands the source on: at strength 0 the frame is still placed in the output space.
#include "actions.h"
#include "instance.h"
#include "parameters.h"
#include "properties.h"

namespace lumaflux {

OfxStatus is_identity(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  const Instance* instance = instance_of(effect);
  if (instance == nullptr) return kOfxStatReplyDefault;
  const double time = get_double(in, kOfxPropTime).value_or(0.0);
  if (!boolean_parameter(bundle_parameters(), instance->parameters, "bypass", time)) return kOfxStatReplyDefault;
  set_string(out, kOfxPropName, kOfxImageEffectSimpleSourceClipName);
  set_double(out, kOfxPropTime, time);
  return kOfxStatOK;
}

}  // namespace lumaflux
