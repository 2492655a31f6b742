#include "pixels.h"

#include <algorithm>
#include <cstring>

namespace lumaflux {
namespace {

// One as a component of a depth.
void put_one(const std::string& depth, char* component) {
    if (depth == "float") {
        const float one = 1.0F;
        std::memcpy(component, &one, sizeof one);
    } else if (depth == "half") {
        const uint16_t one = 0x3C00;  // IEEE 754 binary16
        std::memcpy(component, &one, sizeof one);
    } else {
        std::memset(component, 0xFF, depth == "short" ? 2 : 1);
    }
}

// Pixels as arrays of their components, so that the copies of a row become plain loops.
template <typename T, int From, int To>
void row_of(const char* colour, const char* source, char* to, int count, const char* one) {
    T full{};
    std::memcpy(&full, one, sizeof full);
    for (int i = 0; i < count; ++i) {
        T pixel[4];
        std::memcpy(pixel, colour + i * From * sizeof(T), 3 * sizeof(T));
        if constexpr (From == 4) {
            std::memcpy(pixel + 3, source + (i * From + 3) * sizeof(T), sizeof(T));
        } else {
            pixel[3] = full;
        }
        std::memcpy(to + i * To * sizeof(T), pixel, To * sizeof(T));
    }
}

template <typename T>
void row(int from, int to_components, const char* colour, const char* source, char* to, int count, const char* one) {
    if (from == 4 && to_components == 4) row_of<T, 4, 4>(colour, source, to, count, one);
    if (from == 4 && to_components == 3) row_of<T, 4, 3>(colour, source, to, count, one);
    if (from == 3 && to_components == 4) row_of<T, 3, 4>(colour, source, to, count, one);
    if (from == 3 && to_components == 3) row_of<T, 3, 3>(colour, source, to, count, one);
}

void blank(const PixelView& to, int x1, int x2, int y, bool opaque, const char* one) {
    if (x2 <= x1) return;
    std::memset(to.pixel(x1, y), 0, static_cast<size_t>((x2 - x1) * to.pixel_bytes()));
    if (!opaque || to.components != 4) return;
    for (int x = x1; x < x2; ++x) {
        std::memcpy(to.pixel(x, y) + 3 * to.component_bytes, one, static_cast<size_t>(to.component_bytes));
    }
}

bool belongs(int y, Rows rows) {
    const bool lower = (y & 1) == 0;
    return rows == Rows::all || lower == (rows == Rows::lower);
}

}  // namespace

PixelView contiguous(const PixelView& view, char* memory) {
    PixelView out = view;
    out.row_bytes = -view.width() * view.pixel_bytes();
    out.base = memory - (view.height() - 1) * out.row_bytes;
    return out;
}

void copy_frame(const PixelView& from, const PixelView& to) {
    const auto bytes = static_cast<size_t>(from.width() * from.pixel_bytes());
    for (int y = from.bounds.y1; y < from.bounds.y2; ++y) std::memcpy(to.row(y), from.row(y), bytes);
}

void write_window(const PixelView& colour, const PixelView& source, const PixelView& to, const OfxRectI& window,
                  Rows rows) {
    char one[4] = {};
    put_one(to.depth, one);
    const bool opaque = source.components != 4;
    const int left = std::max(window.x1, to.bounds.x1), right = std::min(window.x2, to.bounds.x2);
    const int x1 = std::clamp(source.bounds.x1, left, std::max(left, right));
    const int x2 = std::clamp(source.bounds.x2, x1, std::max(x1, right));
    for (int y = std::max(window.y1, to.bounds.y1); y < std::min(window.y2, to.bounds.y2); ++y) {
        if (!belongs(y, rows)) continue;
        if (y < source.bounds.y1 || y >= source.bounds.y2 || x1 == x2) {
            blank(to, left, right, y, opaque, one);
            continue;
        }
        blank(to, left, x1, y, opaque, one);
        blank(to, x2, right, y, opaque, one);
        const char* from = colour.pixel(x1, y);
        const char* alpha = source.pixel(x1, y);
        const int count = x2 - x1;
        if (to.component_bytes == 4) {
            row<uint32_t>(source.components, to.components, from, alpha, to.pixel(x1, y), count, one);
        } else if (to.component_bytes == 2) {
            row<uint16_t>(source.components, to.components, from, alpha, to.pixel(x1, y), count, one);
        } else {
            row<uint8_t>(source.components, to.components, from, alpha, to.pixel(x1, y), count, one);
        }
    }
}

}  // namespace lumaflux
