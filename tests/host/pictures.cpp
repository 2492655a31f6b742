#include "pictures.h"

#include <fstream>
#include <map>
#include <mutex>
#include <stdexcept>

#include "faults.h"

namespace {

struct Out {
  std::mutex mutex;
  std::map<OfxPropertySetHandle, std::unique_ptr<FetchedImage>> images;
};

Out& out() {
  static auto* the_out = new Out;
  return *the_out;
}

}  // namespace

Picture::Picture(const lumaflux::Json& json) {
  std::ifstream file(json["file"].string, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("the host cannot read " + json["file"].string);
  bytes.resize(static_cast<size_t>(file.tellg()));
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  base = static_cast<ptrdiff_t>(json["base"].number_or(0));
  row_bytes = static_cast<int>(json["row_bytes"].number_or(0));
  const auto& edges = json["bounds"].array;
  if (edges.size() != 4) throw std::runtime_error("a picture needs four bounds");
  const auto edge = [&](size_t i) { return static_cast<int>(edges[i].number); };
  bounds = {edge(0), edge(1), edge(2), edge(3)};
  depth = json["depth"].string_or(kOfxBitDepthFloat);
  components = json["components"].string_or(kOfxImageComponentRGBA);
  premultiplication = json["premultiplication"].string;
  field = json["field"].string_or(kOfxImageFieldNone);
}

void Picture::save(const std::string& name) const {
  std::ofstream file(name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("the host cannot write " + name);
}

FetchedImage::FetchedImage(std::shared_ptr<Picture> picture_, double scale) : picture(std::move(picture_)) {
  static std::atomic<int> number{0};
  const Picture& p = *picture;
  const bool without_data = faults().source == "null_data";
  void* data = without_data || p.bytes.empty() ? nullptr : picture->bytes.data() + p.base;
  const std::vector<PropertyValue> edges = {p.bounds.x1, p.bounds.y1, p.bounds.x2, p.bounds.y2};
  properties.put(kOfxPropType, {std::string("OfxTypeImage")});
  properties.put(kOfxImageEffectPropPixelDepth, {p.depth});
  properties.put(kOfxImageEffectPropComponents, {p.components});
  if (!p.premultiplication.empty()) properties.put(kOfxImageEffectPropPreMultiplication, {p.premultiplication});
  properties.put(kOfxImageEffectPropRenderScale, {scale, scale});
  properties.put("OfxImagePropPixelAspectRatio", {1.0});
  properties.put("OfxImagePropUniqueIdentifier", {std::to_string(++number)});
  properties.put(kOfxImagePropData, {data});
  properties.put(kOfxImagePropBounds, edges);
  properties.put("OfxImagePropRegionOfDefinition", edges);
  properties.put(kOfxImagePropRowBytes, {p.row_bytes});
  properties.put(kOfxImagePropField, {p.field});
}

ImageCount& image_count() {
  static auto* count = new ImageCount;
  return *count;
}

OfxPropertySetHandle hand_out(std::shared_ptr<Picture> picture, double scale) {
  auto image = std::make_unique<FetchedImage>(std::move(picture), scale);
  const OfxPropertySetHandle handle = &image->properties;
  const std::lock_guard lock(out().mutex);
  out().images[handle] = std::move(image);
  ++image_count().fetched;
  return handle;
}

OfxStatus take_back(OfxPropertySetHandle handle) {
  const std::lock_guard lock(out().mutex);
  if (out().images.erase(handle) == 0) {
    violation("an image is released that is not out");
    return kOfxStatErrBadHandle;
  }
  ++image_count().released;
  return kOfxStatOK;
}
