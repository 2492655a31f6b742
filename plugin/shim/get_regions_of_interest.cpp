// The network sees the whole frame: of the source, all is needed for any part of the result.
#include "actions.h"
#include "host.h"
#include "instance.h"
#include "properties.h"

namespace lumaflux {

OfxStatus get_regions_of_interest(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  constexpr char region_of_source[] = "OfxImageClipPropRoI_Source";
  const Instance* instance = instance_of(effect);
  const auto whole_frame = host().effect->clipGetRegionOfDefinition;
  if (instance == nullptr || whole_frame == nullptr) return kOfxStatReplyDefault;
  OfxRectD region{};
  const double time = get_double(in, kOfxPropTime).value_or(0.0);
  if (whole_frame(instance->source, time, &region) != kOfxStatOK) return kOfxStatReplyDefault;
  int index = 0;
  for (const double edge : {region.x1, region.y1, region.x2, region.y2}) {
    if (!set_double(out, region_of_source, edge, index++)) return kOfxStatReplyDefault;
  }
  return kOfxStatOK;
}

}  // namespace lumaflux
