// Clips and parameters; the same for a filter and in the general context.
#include "actions.h"
#include "host.h"
#include "parameters.h"
#include "properties.h"

namespace lumaflux {
namespace {

bool define_clip(OfxImageEffectHandle effect, const char* name) {
  OfxPropertySetHandle properties = nullptr;
  if (host().effect->clipDefine(effect, name, &properties) != kOfxStatOK) return false;
  set_string(properties, kOfxImageEffectPropSupportedComponents, kOfxImageComponentRGBA, 0);
  set_string(properties, kOfxImageEffectPropSupportedComponents, kOfxImageComponentRGB, 1);
  set_int(properties, kOfxImageEffectPropSupportsTiles, 0);
  set_int(properties, kOfxImageEffectPropTemporalClipAccess, 1);
  // Whole frames with both fields: the model must not see a picture with every second row missing.
  set_string(properties, kOfxImageClipPropFieldExtraction, kOfxImageFieldBoth);
  return true;
}

}  // namespace

OfxStatus describe_in_context(OfxImageEffectHandle effect) {
  OfxParamSetHandle set = nullptr;
  if (effect == nullptr || host().effect->getParamSet(effect, &set) != kOfxStatOK) return kOfxStatErrBadHandle;
  const Parameters& parameters = bundle_parameters();
  if (!define_clip(effect, kOfxImageEffectSimpleSourceClipName)) return kOfxStatFailed;
  if (!define_clip(effect, kOfxImageEffectOutputClipName)) return kOfxStatFailed;
  define_parameters(parameters, set);
  return kOfxStatOK;
}

}  // namespace lumaflux
