// The actions that the effect answers, one file each. What they throw, plugin.cpp catches.
#pragma once

#include "../openfx/openfx.h"

namespace lumaflux {

OfxStatus load();
OfxStatus unload();
OfxStatus describe(OfxImageEffectHandle effect);
OfxStatus describe_in_context(OfxImageEffectHandle effect);
OfxStatus create_instance(OfxImageEffectHandle effect);
OfxStatus destroy_instance(OfxImageEffectHandle effect);
OfxStatus instance_changed(OfxImageEffectHandle effect, OfxPropertySetHandle in);
OfxStatus analyse(OfxImageEffectHandle effect, OfxPropertySetHandle in);
OfxStatus load_model(OfxImageEffectHandle effect, OfxPropertySetHandle in);
OfxStatus refresh_panel(OfxImageEffectHandle effect);
OfxStatus get_regions_of_interest(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out);
OfxStatus is_identity(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out);
OfxStatus get_clip_preferences(OfxImageEffectHandle effect, OfxPropertySetHandle out);
OfxStatus get_output_colourspace(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out);
OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle in);

}  // namespace lumaflux
