// A picture in the host's memory, laid out as the test says: the plug-in sees it as an image of a clip.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "../../plugin/shim/json.h"
#include "properties.h"

struct Picture {
  // Reads the bytes of `file`; the rest says where in them the pixels lie. Throws std::runtime_error.
  explicit Picture(const lumaflux::Json& json);

  void save(const std::string& file) const;

  std::vector<char> bytes;
  ptrdiff_t base = 0;  // of pixel (x1, y1) in `bytes`
  int row_bytes = 0;
  OfxRectI bounds{0, 0, 0, 0};
  std::string depth, components, premultiplication, field;
};

// An image that a plug-in holds: the property set is its handle.
struct FetchedImage {
  FetchedImage(std::shared_ptr<Picture> picture, double scale);
  OfxPropertySetStruct properties{"image"};
  std::shared_ptr<Picture> picture;
};

struct ImageCount {
  std::atomic<int> fetched{0}, released{0};
};

ImageCount& image_count();

// Hands out a handle, and takes it back; what is still out is a leak of the plug-in.
OfxPropertySetHandle hand_out(std::shared_ptr<Picture> picture, double scale);
OfxStatus take_back(OfxPropertySetHandle handle);
