// One frame: out of the host's image, through the engine, into the window that the host asked for.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

#include "actions.h"
#include "bundle.h"
#include "colourspaces.h"
#include "failure_picture.h"
#include "host.h"
#include "instance.h"
#include "job.h"
#include "link/engine_link.h"
#include "panel.h"
#include "parameters.h"
#include "pixels.h"
#include "properties.h"

namespace lumaflux {
namespace {

// How much a frame is worth: drafts cost one step at a small size, the one on the viewer comes before those of a
// delivery. A proxy is a small frame like any other, and shows what the whole one will.
std::string priority_of(OfxPropertySetHandle in) {
  const bool thumbnail = get_int(in, kOfxImageEffectPropThumbnailRender).value_or(0) != 0;
  const bool draft = get_int(in, kOfxImageEffectPropRenderQualityDraft).value_or(0) != 0;
  if (thumbnail || draft) return "thumbnail";
  return get_int(in, kOfxImageEffectPropInteractiveRenderStatus).value_or(0) != 0 ? "interactive" : "final";
}

Rows rows_of(OfxPropertySetHandle in) {
  const std::string field = get_string(in, kOfxImageEffectPropFieldToRender);
  if (field == kOfxImageFieldLower) return Rows::lower;
  return field == kOfxImageFieldUpper ? Rows::upper : Rows::all;
}

void render_frame(OfxImageEffectHandle effect, Instance& instance, OfxPropertySetHandle in) {
  const OfxTime time = get_double(in, kOfxPropTime).value_or(0.0);
  const auto aborted = [effect] {
    const auto wish = host().effect->abort;
    return wish != nullptr && wish(effect) != 0;
  };
  std::optional<Image> source(std::in_place, instance.source, time);
  const Image output(instance.output, time);
  if (!source->there()) throw ImageError("nothing is connected to LumaFlux here: connect a clip to its Source");
  if (!output.there()) {
    if (aborted()) throw Aborted{};
    throw ImageError("the host gave no image to write to: free memory and render again");
  }
  if (source->view().depth != output.view().depth) {
    throw ImageError("source and result have different bit depths here: set both to the same, best to float");
  }
  const auto window = get_rectangle(in, kOfxImageEffectPropRenderWindow).value_or(output.view().bounds);
  RenderJob job = job_of(*source, time, engine_values(instance, time));
  job.priority = priority_of(in);
  job.parameters["host_frame"] = job.frame;
  EngineLink& engine = engine_link();
  const auto memory = engine.allocate(job);
  const PixelView result = contiguous(source->view(), memory->result());
  copy_frame(source->view(), contiguous(source->view(), memory->source()));
  source.reset();  // the host may drop it while the engine works
  const RenderFacts facts =
      engine.render(job, *memory, aborted, [&](const std::string& text) { report_waiting(effect, instance, text); });
  remember_frame(instance, job, facts);
  write_window(result, output.view(), window, rows_of(in));
}

// Hosts that ignore a failed render go on with what lies in the frame: there the user may ask for the failure itself.
bool drawn(const Instance& instance, OfxPropertySetHandle in, const std::string& failure) {
  const OfxTime time = get_double(in, kOfxPropTime).value_or(0.0);
  const char* always = std::getenv("LUMAFLUX_DRAW_FAILURES");
  const bool wanted = always != nullptr && std::strcmp(always, "1") == 0;
  try {
    if (!wanted && !boolean_parameter(bundle_parameters(), instance.parameters, "draw_failures", time)) return false;
    const Image output(instance.output, time);
    if (!output.there()) return false;
    draw_failure(failure, output.view());
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  Instance* instance = instance_of(effect);
  if (instance == nullptr) return kOfxStatFailed;
  std::string failure;
  try {
    render_frame(effect, *instance, in);
    report_success(effect, *instance);
    return kOfxStatOK;
  } catch (const Aborted&) {
    return kOfxStatOK;
  } catch (const std::bad_alloc&) {
    failure = "there is not enough memory for this frame: close other programs and render again";
  } catch (const std::exception& error) {
    failure = error.what();
  }
  report_failure(effect, *instance, failure);
  return drawn(*instance, in, failure) ? kOfxStatOK : kOfxStatFailed;
}

}  // namespace lumaflux
