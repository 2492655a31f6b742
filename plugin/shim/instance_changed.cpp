// The user changed a control. A new model begins to load while he still looks at the panel.
#include "actions.h"
#include "instance.h"
#include "link/engine_link.h"
#include "model_choice.h"
#include "panel.h"
#include "parameters.h"
#include "properties.h"

namespace lumaflux {
namespace {

// The spaces that a pipeline wants; a space that is chosen by hand makes the pipeline the user's own again.
void follow_pipeline(const Instance& instance, const std::string& changed, OfxTime time) {
  const Parameter& pipeline = bundle_parameters().named("pipeline");
  const int chosen = integer_parameter(pipeline, instance.parameters, time);
  if (changed != pipeline.name) {
    if (chosen != 0) set_integer_parameter(instance.parameters, pipeline.name, 0);
    return;
  }
  const auto wanted = pipeline.sets.find(pipeline.values[static_cast<size_t>(chosen)]);
  if (wanted == pipeline.sets.end()) return;
  for (const auto& [name, value] : wanted->second) {
    set_choice(bundle_parameters().named(name), instance.parameters, value);
  }
}

}  // namespace

OfxStatus instance_changed(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  Instance* instance = instance_of(effect);
  const std::string name = get_string(in, kOfxPropName);
  if (instance == nullptr) return kOfxStatReplyDefault;
  if (name == "analyse") return analyse(effect, in);
  if (name == "load_model") return load_model(effect, in);
  if (get_string(in, kOfxPropChangeReason) != kOfxChangeUserEdited) return kOfxStatReplyDefault;
  show_panel(*instance);
  const double time = get_double(in, kOfxPropTime).value_or(0.0);
  if (name == "pipeline" || name == "input_space" || name == "output_space") {
    follow_pipeline(*instance, name, time);
    return kOfxStatOK;
  }
  if (name != "model") return kOfxStatReplyDefault;
  remember_model(bundle_parameters(), instance->parameters, time);
  engine_link().warm(chosen_model(bundle_parameters(), instance->parameters, time));
  return kOfxStatOK;
}

// A panel opens, or the project is about to be written.
OfxStatus refresh_panel(OfxImageEffectHandle effect) {
  if (Instance* instance = instance_of(effect)) show_panel(*instance);
  return kOfxStatReplyDefault;
}

}  // namespace lumaflux
