// What the result is, for hosts that manage colour (OpenFX 1.5).
#include "actions.h"
#include "colourspaces.h"
#include "instance.h"
#include "properties.h"

namespace lumaflux {

OfxStatus get_output_colourspace(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  const Instance* instance = instance_of(effect);
  if (instance == nullptr) return kOfxStatReplyDefault;
  const double time = get_double(in, kOfxPropTime).value_or(0.0);
  const Parameters& parameters = bundle_parameters();
  const std::string name =
      output_colourspace(parameters, parameter_values(parameters, instance->parameters, time), style_of(effect));
  const bool told = !name.empty() && set_string(out, kOfxImageClipPropColourspace, name);
  return told ? kOfxStatOK : kOfxStatReplyDefault;
}

}  // namespace lumaflux
