// A node comes into a project. Nothing is read from clips and nothing is started here: projects must open whatever
// fails.
#include <memory>

#include "actions.h"
#include "host.h"
#include "instance.h"
#include "properties.h"

namespace lumaflux {

OfxStatus create_instance(OfxImageEffectHandle effect) {
  const OfxPropertySetHandle properties = properties_of(effect);
  if (properties == nullptr) return kOfxStatErrBadHandle;
  auto instance = std::make_unique<Instance>();
  const auto& suite = *host().effect;
  const bool whole =
      suite.clipGetHandle(effect, kOfxImageEffectSimpleSourceClipName, &instance->source, nullptr) == kOfxStatOK &&
      suite.clipGetHandle(effect, kOfxImageEffectOutputClipName, &instance->output, nullptr) == kOfxStatOK &&
      suite.getParamSet(effect, &instance->parameters) == kOfxStatOK;
  if (!whole || !set_pointer(properties, kOfxPropInstanceData, instance.get())) return kOfxStatFailed;
  instance.release();
  return kOfxStatOK;
}

}  // namespace lumaflux
