#include "job.h"

#include <cmath>
#include <utility>

#include "colourspaces.h"
#include "model_choice.h"
#include "parameters.h"

namespace lumaflux {

ValueMap engine_values(const Instance& instance, OfxTime time) {
  const Parameters& described = bundle_parameters();
  ValueMap values = parameter_values(described, instance.parameters, time);
  values["model"] = chosen_model(described, instance.parameters, time);
  resolve_input_space(described, instance.source, values);
  return values;
}

RenderJob job_of(const Image& source, OfxTime time, ValueMap parameters) {
  const PixelView& view = source.view();
  RenderJob job;
  job.width = view.width();
  job.height = view.height();
  job.components = view.components;
  job.depth = view.depth;
  job.row_bytes = static_cast<size_t>(view.width() * view.pixel_bytes());
  job.premultiplied = source.premultiplied();
  job.frame = std::llround(time);
  job.parameters = std::move(parameters);
  return job;
}

}  // namespace lumaflux
