// A node leaves a project.
#include "actions.h"
#include "instance.h"
#include "properties.h"

namespace lumaflux {

OfxStatus destroy_instance(OfxImageEffectHandle effect) {
  Instance* instance = instance_of(effect);
  if (instance == nullptr) return kOfxStatReplyDefault;
  set_pointer(properties_of(effect), kOfxPropInstanceData, nullptr);
  delete instance;
  return kOfxStatOK;
}

}  // namespace lumaflux
