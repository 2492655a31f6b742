#include "property_types.h"

#include <map>

namespace {

constexpr PropertyFacts one_int{PropertyType::integer, 1};
constexpr PropertyFacts one_real{PropertyType::real, 1};
constexpr PropertyFacts one_string{PropertyType::string, 1};
constexpr PropertyFacts strings{PropertyType::string, 0};
constexpr PropertyFacts one_pointer{PropertyType::pointer, 1};

}  // namespace

const PropertyFacts* property_facts(const std::string& name) {
  // OpenFX 1.5, "Properties Reference".
  static const std::map<std::string, PropertyFacts> table = {
      {"OfxPropType", one_string},
      {"OfxPropName", one_string},
      {"OfxPropLabel", one_string},
      {"OfxPropShortLabel", one_string},
      {"OfxPropLongLabel", one_string},
      {"OfxPropVersionLabel", one_string},
      {"OfxPropPluginDescription", one_string},
      {"OfxPropInstanceData", one_pointer},
      {"OfxPropIcon", {PropertyType::string, 2}},
      {"OfxPropTime", one_real},
      {"OfxPropChangeReason", one_string},
      {"OfxPropIsInteractive", one_int},
      {"OfxPluginPropFilePath", one_string},
      {"OfxImageEffectPropSupportedContexts", strings},
      {"OfxImageEffectPropContext", one_string},
      {"OfxImageEffectPropSupportedPixelDepths", strings},
      {"OfxImageEffectPropSupportedComponents", strings},
      {"OfxImageEffectPropPixelDepth", one_string},
      {"OfxImageEffectPropComponents", one_string},
      {"OfxImageEffectPropPreMultiplication", one_string},
      {"OfxImageEffectPropSupportsTiles", one_int},
      {"OfxImageEffectPropSupportsMultiResolution", one_int},
      {"OfxImageEffectPropTemporalClipAccess", one_int},
      {"OfxImageEffectPropMultipleClipDepths", one_int},
      {"OfxImageEffectPropSupportsMultipleClipPARs", one_int},
      {"OfxImageEffectPluginPropGrouping", one_string},
      {"OfxImageEffectPluginPropSingleInstance", one_int},
      {"OfxImageEffectPluginPropHostFrameThreading", one_int},
      {"OfxImageEffectPluginRenderThreadSafety", one_string},
      {"OfxImageEffectPluginPropFieldRenderTwiceAlways", one_int},
      {"OfxImageEffectPropRenderWindow", {PropertyType::integer, 4}},
      {"OfxImageEffectPropRenderScale", {PropertyType::real, 2}},
      {"OfxImageEffectPropFieldToRender", one_string},
      {"OfxImageEffectPropSequentialRenderStatus", one_int},
      {"OfxImageEffectPropInteractiveRenderStatus", one_int},
      {"OfxImageEffectPropRenderQualityDraft", one_int},
      {"OfxImageEffectPropThumbnailRender", one_int},
      {"OfxImageEffectPropRegionOfDefinition", {PropertyType::real, 4}},
      {"OfxImageEffectPropRegionOfInterest", {PropertyType::real, 4}},
      {"OfxImageClipPropRoI_Source", {PropertyType::real, 4}},
      {"OfxImageClipPropFieldExtraction", one_string},
      {"OfxImageClipPropColourspace", one_string},
      {"OfxImageEffectPropColourManagementStyle", one_string},
      {"OfxImageEffectPropColourManagementAvailableConfigs", strings},
      {"OfxImageClipPropPreferredColourspaces_Source", strings},
      {"OfxImageEffectPropClipPreferencesSlaveParam", strings},
      {"OfxImageClipPropOptional", one_int},
      {"OfxImageClipPropIsMask", one_int},
      {"OfxImageClipPropConnected", one_int},
      {"OfxImagePropData", one_pointer},
      {"OfxImagePropBounds", {PropertyType::integer, 4}},
      {"OfxImagePropRegionOfDefinition", {PropertyType::integer, 4}},
      {"OfxImagePropRowBytes", one_int},
      {"OfxImagePropField", one_string},
      {"OfxImagePropPixelAspectRatio", one_real},
      {"OfxImagePropUniqueIdentifier", one_string},
      {"OfxParamPropType", one_string},
      {"OfxParamPropHint", one_string},
      {"OfxParamPropScriptName", one_string},
      {"OfxParamPropParent", one_string},
      {"OfxParamPropStringMode", one_string},
      {"OfxParamPropStringFilePathExists", one_int},
      {"OfxParamPropAnimates", one_int},
      {"OfxParamPropPersistant", one_int},
      {"OfxParamPropCanUndo", one_int},
      {"OfxParamPropEvaluateOnChange", one_int},
      {"OfxParamPropSecret", one_int},
      {"OfxParamPropEnabled", one_int},
      {"OfxParamPropDoubleType", one_string},
      {"OfxParamPropIncrement", one_real},
      {"OfxParamPropDigits", one_int},
      {"OfxParamPropChoiceOption", strings},
      {"OfxParamPropPageChild", strings},
      {"OfxParamPropGroupOpen", one_int},
  };
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}
