#include "model_choice.h"

#include <algorithm>

#include "image.h"

namespace lumaflux {
namespace {

constexpr char kept_name[] = "model_name";

}  // namespace

std::string chosen_model(const Parameters& parameters, OfxParamSetHandle set, OfxTime time) {
  const Parameter& menu = parameters.named("model");
  const std::string kept = text_parameter(set, kept_name, time);
  if (kept.empty()) return menu.values[static_cast<size_t>(integer_parameter(menu, set, time))];
  if (std::find(menu.values.begin(), menu.values.end(), kept) != menu.values.end()) return kept;
  throw ImageError("this project renders with the model " + kept +
                   ", which is not installed here: add it with \"lumaflux plugin install --model\", or choose another "
                   "in Model");
}

void remember_model(const Parameters& parameters, OfxParamSetHandle set, OfxTime time) {
  const Parameter& menu = parameters.named("model");
  set_text_parameter(set, kept_name, menu.values[static_cast<size_t>(integer_parameter(menu, set, time))]);
}

}  // namespace lumaflux
