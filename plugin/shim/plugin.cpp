// The door of the effect: three entry symbols, and the way from an action's name to its file.
#include <cstdio>
#include <cstring>
#include <exception>

#include "actions.h"
#include "host.h"

#ifdef _WIN32
#define LUMAFLUX_ENTRY __declspec(dllexport)
#else
#define LUMAFLUX_ENTRY __attribute__((visibility("default")))
#endif

namespace lumaflux {
namespace {

void set_host(OfxHost* record) { host().record = record; }

OfxStatus answer(const char* action, OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  const auto is = [action](const char* name) { return std::strcmp(action, name) == 0; };
  if (is(kOfxActionLoad)) return load();
  if (!host().complete()) return kOfxStatErrMissingHostFeature;
  if (is(kOfxActionUnload)) return unload();
  if (is(kOfxActionDescribe)) return describe(effect);
  if (is(kOfxImageEffectActionDescribeInContext)) return describe_in_context(effect);
  if (is(kOfxActionCreateInstance)) return create_instance(effect);
  if (is(kOfxActionDestroyInstance)) return destroy_instance(effect);
  if (is(kOfxActionInstanceChanged)) return instance_changed(effect, in);
  if (is(kOfxActionBeginInstanceEdit) || is(kOfxActionSyncPrivateData)) return refresh_panel(effect);
  if (is(kOfxImageEffectActionGetRegionsOfInterest)) return get_regions_of_interest(effect, in, out);
  if (is(kOfxImageEffectActionIsIdentity)) return is_identity(effect, in, out);
  if (is(kOfxImageEffectActionGetClipPreferences)) return get_clip_preferences(effect, out);
  if (is(kOfxImageEffectActionGetOutputColourspace)) return get_output_colourspace(effect, in, out);
  if (is(kOfxImageEffectActionRender)) return render(effect, in);
  return kOfxStatReplyDefault;
}

// Nothing is thrown across the C boundary.
OfxStatus main_entry(const char* action, const void* handle, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  try {
    if (action == nullptr) return kOfxStatErrUnsupported;
    return answer(action, static_cast<OfxImageEffectHandle>(const_cast<void*>(handle)), in, out);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "LumaFlux: %s: %s\n", action, error.what());
  } catch (...) {
    std::fprintf(stderr, "LumaFlux: %s: unknown failure\n", action);
  }
  return kOfxStatFailed;
}

}  // namespace
}  // namespace lumaflux

extern "C" {

LUMAFLUX_ENTRY int OfxGetNumberOfPlugins() { return 1; }

LUMAFLUX_ENTRY OfxPlugin* OfxGetPlugin(int index) {
  static OfxPlugin plugin = {
      kOfxImageEffectPluginApi, kOfxImageEffectPluginApiVersion, "org.lumaflux.itm", 1, 0, lumaflux::set_host,
      lumaflux::main_entry};
  return index == 0 ? &plugin : nullptr;
}

LUMAFLUX_ENTRY OfxStatus OfxSetHost(const OfxHost* record) {
  lumaflux::host().record = const_cast<OfxHost*>(record);
  return kOfxStatOK;
}
}
