// In which colour spaces the source is wanted, for hosts that manage colour (OpenFX 1.5).
#include "actions.h"
#include "colourspaces.h"
#include "instance.h"
#include "properties.h"

namespace lumaflux {

OfxStatus get_clip_preferences(OfxImageEffectHandle effect, OfxPropertySetHandle out) {
  const Instance* instance = instance_of(effect);
  if (instance == nullptr) return kOfxStatReplyDefault;
  const std::string style = style_of(effect);
  if (style.empty()) return kOfxStatReplyDefault;
  const Parameters& parameters = bundle_parameters();
  const std::string property =
      std::string(kOfxImageClipPropPreferredColourspaces) + "_" + kOfxImageEffectSimpleSourceClipName;
  int count = 0;
  for (const std::string& name :
       wanted_colourspaces(parameters, parameter_values(parameters, instance->parameters, 0.0), style)) {
    if (set_string(out, property.c_str(), name, count)) ++count;
  }
  return count > 0 ? kOfxStatOK : kOfxStatReplyDefault;
}

}  // namespace lumaflux
