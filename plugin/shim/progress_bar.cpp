#include "progress_bar.h"

#include "host.h"

namespace lumaflux {

ProgressBar::ProgressBar(OfxImageEffectHandle effect, const char* label) : effect_(effect) {
  const auto* suite = host().progress;
  shown_ = suite != nullptr && suite->progressStart != nullptr && suite->progressUpdate != nullptr &&
           suite->progressEnd != nullptr && suite->progressStart(effect, label) == kOfxStatOK;
  if (shown_) suite->progressUpdate(effect_, share_);  // what ends at once shows a bar, too
}

ProgressBar::~ProgressBar() {
  if (shown_) host().progress->progressEnd(effect_);
}

void ProgressBar::at(double share) {
  if (share >= 0.0) share_ = share;
}

bool ProgressBar::aborted() {
  if (shown_) return host().progress->progressUpdate(effect_, share_) == kOfxStatReplyNo;
  const auto wish = host().effect->abort;
  return wish != nullptr && wish(effect_) != 0;
}

}  // namespace lumaflux
