#include "colourspaces.h"

#include <algorithm>

#include "host.h"
#include "image.h"
#include "instance.h"
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

bool permitted(const std::string& name, const std::string& style) {
  if (name.rfind("ofx_", 0) == 0) return true;
  if (style == kOfxImageEffectColourManagementBasic) return false;
  return style != kOfxImageEffectColourManagementCore || name.rfind("davinci_", 0) != 0;
}

// Any space of a kind (OpenFX 1.5, "basic colourspaces").
std::string generic_name(const std::string& space) {
  if (space.rfind("pq-", 0) == 0 || space.rfind("hlg-", 0) == 0) return "ofx_display_hdr";
  if (space == "bt709-bt1886" || space == "srgb") return "ofx_display_sdr";
  return space == "davinci-intermediate" || space == "acescct" ? "ofx_scene_log" : "ofx_scene_linear";
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

std::string offered_style() {
  const std::string style = get_string(host().record->host, kOfxImageEffectPropColourManagementStyle);
  if (style.empty() || style == kOfxImageEffectColourManagementNone) return {};
  const auto configs = get_strings(host().record->host, kOfxImageEffectPropColourManagementAvailableConfigs);
  if (!configs.empty() && std::find(configs.begin(), configs.end(), native_config) == configs.end()) return {};
  for (const char* lower : {kOfxImageEffectColourManagementBasic, kOfxImageEffectColourManagementCore}) {
    if (style == lower) return style;
  }
  return kOfxImageEffectColourManagementFull;  // also of hosts that offer OCIO above it
}

std::string style_of(OfxImageEffectHandle effect) {
  const std::string chosen = get_string(properties_of(effect), kOfxImageEffectPropColourManagementStyle);
  return chosen.empty() ? offered_style() : chosen == kOfxImageEffectColourManagementNone ? std::string() : chosen;
}

std::vector<std::string> wanted_colourspaces(const Parameters& parameters, const ValueMap& values,
                                             const std::string& style) {
  const Parameter& input = parameters.named("input_space");
  const std::string chosen = text_or(values, "input_space", "");
  std::vector<std::string> names;
  for (const std::string& value : input.values) {
    if (chosen != from_host && chosen != value) continue;
    for (const auto& [name, of] : input.colourspaces) {
      if (of == value && permitted(name, style)) names.push_back(name);
    }
  }
  // A style without a name for it: the user says which space of its kind comes.
  if (names.empty() && chosen != from_host) names.push_back(generic_name(chosen));
  return names;
}

std::string output_colourspace(const Parameters& parameters, const ValueMap& values, const std::string& style) {
  if (boolean_or(values, "bypass", false)) return "OfxColourspace_Source";
  const std::string space = text_or(values, "output_space", "");
  if (style == kOfxImageEffectColourManagementBasic) return generic_name(space);
  for (const auto& [name, value] : parameters.named("output_space").colourspaces) {
    if (value == space && permitted(name, style)) return name;
  }
  return generic_name(space);
}

}  // namespace lumaflux
