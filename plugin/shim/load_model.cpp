// The button that loads the model before the first frame asks for it, and says what the engine does.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "actions.h"
#include "bundle.h"
#include "instance.h"
#include "link/engine_link.h"
#include "model_choice.h"
#include "panel.h"
#include "parameters.h"
#include "progress_bar.h"
#include "properties.h"

namespace lumaflux {
namespace {

// No library says how far it is: the bar nears its end ever more slowly.
double share_after(double seconds) {
  constexpr double usual_seconds = 8.0;
  return seconds / (seconds + usual_seconds);
}

std::string said_of(const EngineState& state) {
  std::string text = state.model + " by " + state.backend + ", process " + std::to_string(state.process) + ", " +
                     std::to_string(state.memory_mb) + " MB";
  if (state.waiting > 0) text += ", " + std::to_string(state.waiting) + " frames wait";
  return text;
}

}  // namespace

OfxStatus load_model(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  Instance* instance = instance_of(effect);
  if (instance == nullptr) return kOfxStatFailed;
  if (get_string(in, kOfxPropChangeReason) != kOfxChangeUserEdited) return kOfxStatReplyDefault;
  std::string failure;
  try {
    const double time = get_double(in, kOfxPropTime).value_or(0.0);
    const std::string model = chosen_model(bundle_parameters(), instance->parameters, time);
    ProgressBar progress(effect, "LumaFlux: loading the model");
    const auto start = std::chrono::steady_clock::now();
    const EngineState state = engine_link().load(model, [&] {
      progress.at(share_after(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
      return progress.aborted();
    });
    {
      const std::lock_guard lock(instance->panel.mutex);
      instance->panel.engine = said_of(state);
    }
    show_panel(*instance);
    report_success(effect, *instance);
    return kOfxStatOK;
  } catch (const Aborted&) {
    return kOfxStatOK;
  } catch (const std::exception& error) {
    failure = error.what();
  }
  report_failure(effect, *instance, failure);
  return kOfxStatFailed;
}

}  // namespace lumaflux
