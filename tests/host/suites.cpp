#include "suites.h"

#include <map>
#include <string>

#include "effect.h"
#include "faults.h"
#include "messages.h"

namespace {

OfxStatus progress_start(void*, const char*) { return current_call() != nullptr ? kOfxStatOK : kOfxStatFailed; }

OfxStatus progress_update(void*, double share) {
  if (share < 0.0 || share > 1.0) violation("progress is told beyond its range");
  RenderCall* call = current_call();
  if (call == nullptr) return kOfxStatFailed;
  call->progress = share;
  return call->poll() ? kOfxStatReplyNo : kOfxStatReplyYes;
}

OfxStatus progress_end(void*) { return kOfxStatOK; }

// The suites as this host offers them: copies, since members may become NULL.
struct Offered {
  OfxPropertySuiteV1 property = property_suite;
  OfxImageEffectSuiteV1 effect = image_effect_suite;
  OfxParameterSuiteV1 parameter = parameter_suite;
  OfxMessageSuiteV1 message1 = message_suite_v1;
  OfxMessageSuiteV2 message2 = message_suite_v2;
  OfxProgressSuiteV1 progress = {progress_start, progress_update, progress_end};
  OfxPropertySetStruct properties{"host"};
  OfxHost record{};

  Offered() {
    const auto& null = faults().null_members;
    const auto drop = [&](const char* name, auto& member) {
      if (null.count(name) != 0) member = nullptr;
    };
    drop("propGetString", property.propGetString);
    drop("propSetInt", property.propSetInt);
    drop("propGetDimension", property.propGetDimension);
    drop("propSetStringN", property.propSetStringN);
    drop("clipGetImage", effect.clipGetImage);
    drop("clipGetRegionOfDefinition", effect.clipGetRegionOfDefinition);
    drop("abort", effect.abort);
    drop("imageMemoryAlloc", effect.imageMemoryAlloc);
    drop("paramGetValue", parameter.paramGetValue);
    drop("paramGetValueAtTime", parameter.paramGetValueAtTime);
    drop("paramEditBegin", parameter.paramEditBegin);
    drop("message1", message1.message);
    drop("message", message2.message);
    drop("setPersistentMessage", message2.setPersistentMessage);
    drop("clearPersistentMessage", message2.clearPersistentMessage);
    describe();
  }

  void describe() {
    properties.put(kOfxPropType, {std::string("OfxTypeImageEffectHost")});
    properties.put(kOfxPropName, {std::string("org.lumaflux.test.host")});
    properties.put(kOfxPropLabel, {std::string("Test host")});
    properties.put("OfxPropAPIVersion", {1, 5});
    properties.put(kOfxImageEffectPropSupportedContexts,
                   {std::string(kOfxImageEffectContextFilter), std::string(kOfxImageEffectContextGeneral)});
    properties.put(kOfxImageEffectPropSupportedComponents,
                   {std::string(kOfxImageComponentRGBA), std::string(kOfxImageComponentRGB)});
    if (!faults().colour_management.empty()) {
      properties.put(kOfxImageEffectPropColourManagementStyle, {faults().colour_management});
      properties.put(kOfxImageEffectPropColourManagementAvailableConfigs, {faults().colour_config});
    }
    std::vector<PropertyValue> depths;
    for (const char* depth : {kOfxBitDepthByte, kOfxBitDepthShort, kOfxBitDepthHalf, kOfxBitDepthFloat}) {
      if (faults().host_depths.empty() || faults().host_depths.count(depth) != 0) depths.push_back(std::string(depth));
    }
    if (faults().host_depths.count("none") == 0) properties.put(kOfxImageEffectPropSupportedPixelDepths, depths);
  }
};

Offered& offered() {
  static auto* the_offered = new Offered;
  return *the_offered;
}

const void* fetch_suite(OfxPropertySetHandle, const char* name, int version) {
  if (name == nullptr) return nullptr;
  Offered& o = offered();
  const std::map<std::string, const void*> suites = {
      {"OfxPropertySuite/1", &o.property}, {"OfxImageEffectSuite/1", &o.effect}, {"OfxParameterSuite/1", &o.parameter},
      {"OfxMessageSuite/1", &o.message1},  {"OfxMessageSuite/2", &o.message2},   {"OfxProgressSuite/1", &o.progress},
  };
  const std::string versioned = std::string(name) + "/" + std::to_string(version);
  const auto& missing = faults().missing_suites;
  if (missing.count(name) != 0 || missing.count(versioned) != 0) return nullptr;
  const auto found = suites.find(versioned);
  return found == suites.end() ? nullptr : found->second;
}

}  // namespace

OfxHost* host_record() {
  Offered& o = offered();
  o.record.host = &o.properties;
  o.record.fetchSuite = fetch_suite;
  return &o.record;
}
