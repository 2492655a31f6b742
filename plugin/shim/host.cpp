#include "host.h"

namespace lumaflux {
namespace {

template <typename Suite>
const Suite* fetch(const OfxHost& record, const char* name, int version) {
  return static_cast<const Suite*>(record.fetchSuite(record.host, name, version));
}

template <typename... Members>
bool all(Members... members) {
  return (... && (members != nullptr));
}

}  // namespace

Host& host() {
  static Host the_host;
  return the_host;
}

bool Host::fetch_suites() {
  if (record == nullptr || record->fetchSuite == nullptr) return false;
  const auto* p = fetch<OfxPropertySuiteV1>(*record, kOfxPropertySuite, 1);
  const auto* e = fetch<OfxImageEffectSuiteV1>(*record, kOfxImageEffectSuite, 1);
  const auto* q = fetch<OfxParameterSuiteV1>(*record, kOfxParameterSuite, 1);
  message1 = fetch<OfxMessageSuiteV1>(*record, kOfxMessageSuite, 1);
  message2 = fetch<OfxMessageSuiteV2>(*record, kOfxMessageSuite, 2);
  progress = fetch<OfxProgressSuiteV1>(*record, kOfxProgressSuite, 1);

  if (p != nullptr && all(p->propSetPointer, p->propSetString, p->propSetDouble, p->propSetInt, p->propGetPointer,
                          p->propGetString, p->propGetDouble, p->propGetInt)) {
    property = p;
  }
  if (e != nullptr && all(e->getPropertySet, e->getParamSet, e->clipDefine, e->clipGetHandle, e->clipGetPropertySet,
                          e->clipGetImage, e->clipReleaseImage)) {
    effect = e;
  }
  if (q != nullptr && all(q->paramDefine, q->paramGetHandle, q->paramGetValue)) parameter = q;
  return complete();
}

}  // namespace lumaflux
