// What the effect is, whatever the context.
#include <algorithm>

#include "actions.h"
#include "colourspaces.h"
#include "host.h"
#include "instance.h"
#include "properties.h"

namespace lumaflux {
namespace {

constexpr char label[] = "LumaFlux ITM";
constexpr char description[] =
    "Inverse tone mapping: turns SDR (BT.709) into HDR (PQ or HLG BT.2020, or scene-linear). "
    "Set the input space to what this node receives and the output space to what the next one expects.";

void set_depths(OfxPropertySetHandle properties) {
  const auto offered = get_strings(host().record->host, kOfxImageEffectPropSupportedPixelDepths);
  int count = 0;
  for (const char* depth : {kOfxBitDepthFloat, kOfxBitDepthHalf, kOfxBitDepthShort, kOfxBitDepthByte}) {
    // An old host may stumble over a depth that it does not know; only half is younger than the standard.
    const bool known = std::find(offered.begin(), offered.end(), depth) != offered.end();
    if (known || (offered.empty() && depth != kOfxBitDepthHalf)) {
      set_string(properties, kOfxImageEffectPropSupportedPixelDepths, depth, count++);
    }
  }
}

// Names of OpenFX's own list are wanted, in the host's style; a host without colour management is not asked.
void set_colour_management(OfxPropertySetHandle properties) {
  const std::string style = offered_style();
  if (style.empty()) return;
  set_string(properties, kOfxImageEffectPropColourManagementStyle, style);
  set_string(properties, kOfxImageEffectPropColourManagementAvailableConfigs, native_config);
  set_string(properties, kOfxImageEffectPropClipPreferencesSlaveParam, "input_space", 0);
}

}  // namespace

OfxStatus describe(OfxImageEffectHandle effect) {
  const OfxPropertySetHandle properties = properties_of(effect);
  if (properties == nullptr) return kOfxStatErrBadHandle;
  for (const char* name : {kOfxPropLabel, kOfxPropShortLabel, kOfxPropLongLabel}) set_string(properties, name, label);
  set_string(properties, kOfxImageEffectPluginPropGrouping, "LumaFlux");
  set_string(properties, kOfxPropPluginDescription, description);
  set_string(properties, kOfxPropVersionLabel, LUMAFLUX_VERSION);
  set_string(properties, kOfxPropIcon, "org.lumaflux.itm.svg", 0);
  set_string(properties, kOfxPropIcon, "org.lumaflux.itm.png", 1);
  set_string(properties, kOfxImageEffectPropSupportedContexts, kOfxImageEffectContextFilter, 0);
  set_string(properties, kOfxImageEffectPropSupportedContexts, kOfxImageEffectContextGeneral, 1);
  set_depths(properties);
  set_colour_management(properties);
  // The network sees whole frames, and the engine has a queue of its own: no tiles, no threads of the host on a frame.
  set_int(properties, kOfxImageEffectPropSupportsTiles, 0);
  set_int(properties, kOfxImageEffectPropSupportsMultiResolution, 1);
  set_int(properties, kOfxImageEffectPropTemporalClipAccess, 1);
  set_int(properties, kOfxImageEffectPropSupportsMultipleClipDepths, 0);
  set_int(properties, kOfxImageEffectPluginPropSingleInstance, 0);
  set_int(properties, kOfxImageEffectPluginPropHostFrameThreading, 0);
  set_int(properties, kOfxImageEffectPluginPropFieldRenderTwiceAlways, 0);
  set_string(properties, kOfxImageEffectPluginRenderThreadSafety, kOfxImageEffectRenderInstanceSafe);
  return kOfxStatOK;
}

}  // namespace lumaflux
