// The Analyse button: a tone track of the source file, or of the frames that the host hands over.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <new>

#include "actions.h"
#include "bundle.h"
#include "host.h"
#include "instance.h"
#include "job.h"
#include "link/engine_link.h"
#include "parameters.h"
#include "pixels.h"
#include "progress_bar.h"
#include "properties.h"

namespace lumaflux {
namespace {

constexpr double most_samples = 9.0;

struct FrameRange {
  double first = 0.0, last = -1.0;

  double count() const { return last - first + 1.0; }
};

FrameRange range_of(OfxImageClipHandle clip) {
  OfxPropertySetHandle properties = nullptr;
  if (clip == nullptr || host().effect->clipGetPropertySet(clip, &properties) != kOfxStatOK) return {};
  const auto first = get_double(properties, kOfxImageEffectPropFrameRange, 0);
  const auto last = get_double(properties, kOfxImageEffectPropFrameRange, 1);
  // What has no end, as hosts say of generators, has no analysis.
  constexpr double most = 10'000'000.0;
  if (!first || !last || !(*last >= *first) || !(*last - *first < most) || !(std::abs(*first) < most)) return {};
  return {std::ceil(*first), std::floor(*last)};
}

Analysis analysed(OfxImageEffectHandle effect, const Instance& instance, OfxTime time, const FrameRange& range) {
  const ValueMap parameters = engine_values(instance, time);
  const bool from_host = text_or(parameters, "source_file", "").empty();
  if (from_host && range.count() < 1.0) {
    throw ImageError(
        "the host does not say which frames this clip has: name the clip's file in Source file, and press "
        "Analyse again");
  }
  ProgressBar progress(effect, "LumaFlux: analysing");
  EngineLink& engine = engine_link();
  // Of a clip whose file is named a few frames, spread over it: the engine finds them in the file.
  const double step = from_host ? 1.0 : std::max(1.0, (range.count() - 1.0) / (most_samples - 1.0));
  const auto next = [&](int64_t number, RenderJob& job, std::unique_ptr<FrameMemory>& memory) {
    const double at = range.first + std::floor(static_cast<double>(number) * step);
    if (at > range.last) return false;
    if (from_host) progress.at(static_cast<double>(number) / range.count());
    const Image source(instance.source, at);
    if (!source.there()) {
      if (!from_host) return false;
      throw ImageError("the host gave no picture at frame " + std::to_string(std::llround(at)) +
                       ": name the clip's file in Source file, and press Analyse again");
    }
    const PixelView& view = source.view();
    job = job_of(source, at, parameters);
    memory = engine.allocate(job);
    copy_frame(view, contiguous(view, memory->source()));
    return true;
  };
  return engine.analyse(
      parameters, next, [&] { return progress.aborted(); }, [&](double share) { progress.at(share); });
}

}  // namespace

OfxStatus analyse(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  Instance* instance = instance_of(effect);
  if (instance == nullptr) return kOfxStatFailed;
  if (get_string(in, kOfxPropChangeReason) != kOfxChangeUserEdited) return kOfxStatReplyDefault;
  std::string failure;
  try {
    const FrameRange range = range_of(instance->source);
    const double time = get_double(in, kOfxPropTime).value_or(0.0);
    const Analysis found = analysed(effect, *instance, time, range);
    if (found.track.empty() || !set_text_parameter(instance->parameters, "tone_track", found.track)) {
      throw ImageError("the host does not take the tone track: name " + found.track + " in Tone track yourself");
    }
    std::string said = std::to_string(found.frames) + " frames";
    if (range.count() >= 1.0) {
      const int64_t start = found.start.value_or(std::llround(range.first));
      set_integer_parameter(instance->parameters, "track_start", static_cast<int>(start));
      said += "; the host's frame " + std::to_string(std::llround(range.first)) + " is frame " +
              std::to_string(std::llround(range.first) - start) + " of them";
    }
    set_text_parameter(instance->parameters, "track_says", said);
    // Frames that a host has cached were made under another track, be its name the same.
    const int analyses = integer_parameter(bundle_parameters().named("analyses"), instance->parameters, time);
    set_integer_parameter(instance->parameters, "analyses", analyses < INT32_MAX ? analyses + 1 : 0);
    report_success(effect, *instance);
    return kOfxStatOK;
  } catch (const Aborted&) {
    return kOfxStatOK;
  } catch (const std::bad_alloc&) {
    failure = "there is not enough memory to analyse: close other programs and press Analyse again";
  } catch (const std::exception& error) {
    failure = error.what();
  }
  report_failure(effect, *instance, failure);
  return kOfxStatFailed;
}

}  // namespace lumaflux
