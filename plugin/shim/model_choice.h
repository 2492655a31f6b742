// The model that a project asks for. Hosts keep a menu's index, and menus differ between installations: its name is
// kept beside it.
#pragma once

#include <string>

#include "../openfx/openfx.h"
#include "parameters.h"

namespace lumaflux {

// The model to render with, as the engine is told. Throws ImageError where the project names one that is missing here.
std::string chosen_model(const Parameters& parameters, OfxParamSetHandle set, OfxTime time);

// Keeps the name of what the menu shows; the user has chosen it.
void remember_model(const Parameters& parameters, OfxParamSetHandle set, OfxTime time);

}  // namespace lumaflux
