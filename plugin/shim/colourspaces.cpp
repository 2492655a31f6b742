#include "colourspaces.h"

#include "host.h"
#include "image.h"
#include "properties.h"

namespace lumaflux {
namespace {

constexpr char from_host[] = "host";
constexpr char usual[] = "bt709-bt1886";

std::string colourspace_of(OfxImageClipHandle clip) {
  OfxPropertySetHandle properties = nullptr;
  if (clip == nullptr || host().effect->clipGetPropertySet(clip, &properties) != kOfxStatOK) return {};
  return get_string(properties, kOfxImageClipPropColourspace);
}

}  // namespace

void resolve_input_space(const Parameters& parameters, OfxImageClipHandle source, ValueMap& values) {
  if (text_or(values, "input_space", "") != from_host) return;
  const std::string name = colourspace_of(source);
  const auto& known = parameters.named("input_space").colourspaces;
  const auto found = known.find(name);
  if (!name.empty() && found == known.end()) {
    throw ImageError("the clip's colour space \"" + name +
                     "\" is none that LumaFlux converts: choose its Input space, or "
                     "convert the clip to BT.709 before it");
  }
  values["input_space"] = name.empty() ? usual : found->second;
}

std::string output_colourspace(const Parameters& parameters, const ValueMap& values) {
  const std::string space = text_or(values, "output_space", "");
  for (const auto& [name, value] : parameters.named("output_space").colourspaces) {
    if (value == space) return name;
  }
  return {};
}

}  // namespace lumaflux
