// What the effect is, whatever the context.
#include <algorithm>

#include "actions.h"
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

// Named colour spaces are wanted, and none to be converted for us; a host without colour management is not asked.
void set_colour_management(OfxPropertySetHandle properties) {
  const std::string style = get_string(host().record->host, kOfxImageEffectPropColourManagementStyle);
  if (style.empty() || style == kOfxImageEffectColourManagementNone) return;
  set_string(properties, kOfxImageEffectPropColourManagementStyle, kOfxImageEffectColourManagementCore);
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
