#include "panel.h"

#include <cstdio>

#include "parameters.h"

namespace lumaflux {
namespace {

std::string engine_text(const std::string& model, const std::string& backend) {
  return backend.empty() ? "no model: the frame needs none" : model + " by " + backend;
}

// A label is written where it says something else, so that opening a panel changes no project.
void put(const Instance& instance, const char* name, const std::string& text) {
  if (!text.empty() && text_parameter(instance.parameters, name, 0.0) != text) {
    set_text_parameter(instance.parameters, name, text);
  }
}

}  // namespace

void remember_frame(Instance& instance, const RenderJob& job, const RenderFacts& facts) {
  char text[160];
  std::snprintf(text, sizeof text, "frame %lld, %dx%d: %.2f s%s, %s tone track", static_cast<long long>(job.frame),
                job.width, job.height, facts.seconds, facts.cached ? " (kept from before)" : "",
                facts.track ? "with the" : "no");
  const std::lock_guard lock(instance.panel.mutex);
  instance.panel.frame = text;
  instance.panel.engine = engine_text(facts.model, facts.backend);
}

void show_panel(Instance& instance) {
  std::string engine, frame;
  {
    const std::lock_guard lock(instance.panel.mutex);
    engine = instance.panel.engine;
    frame = instance.panel.frame;
  }
  put(instance, "engine_says", engine);
  put(instance, "frame_says", frame);
}

}  // namespace lumaflux
