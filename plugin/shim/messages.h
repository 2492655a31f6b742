// Telling the user through the host, by whichever call the host really has.
#pragma once

#include <string>

#include "../openfx/openfx.h"

namespace lumaflux {

// Shows a message that stays until it is cleared. A host that has only passing messages shows it once a call.
// Returns false when the host can show none.
bool show_message(OfxImageEffectHandle effect, const std::string& text, bool first_time);

// Shows what is no failure, as a message that stays; false where the host has none such.
bool show_note(OfxImageEffectHandle effect, const std::string& text);

void clear_message(OfxImageEffectHandle effect);

}  // namespace lumaflux
