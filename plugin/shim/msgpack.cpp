#include "msgpack.h"

#include <cstring>

namespace lumaflux {
namespace {

constexpr int deepest_message = 16;

void put_big_endian(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
}

// The marker of a string, array or map: the short form holds the length in its low bits, then 8, 16 or 32 bits follow.
void put_length(std::string& out, size_t length, size_t short_limit, int short_form, int form8, int form16) {
  if (length < short_limit) {
    out += static_cast<char>(short_form | static_cast<int>(length));
  } else if (form8 != 0 && length <= 0xFF) {
    out += static_cast<char>(form8);
    put_big_endian(out, length, 1);
  } else if (length <= 0xFFFF) {
    out += static_cast<char>(form16);
    put_big_endian(out, length, 2);
  } else {
    out += static_cast<char>(form16 + 1);
    put_big_endian(out, length, 4);
  }
}

void put(std::string& out, const Value& value);

void put_text(std::string& out, const std::string& text) {
  put_length(out, text.size(), 32, 0xA0, 0xD9, 0xDA);
  out += text;
}

void put_map(std::string& out, const ValueMap& map) {
  put_length(out, map.size(), 16, 0x80, 0, 0xDE);
  for (const auto& [name, member] : map) {
    put_text(out, name);
    put(out, member);
  }
}

void put(std::string& out, const Value& value) {
  if (const auto* boolean = std::get_if<bool>(&value.data)) {
    out += static_cast<char>(*boolean ? 0xC3 : 0xC2);
  } else if (const auto* integer = std::get_if<int64_t>(&value.data)) {
    if (*integer >= 0 && *integer < 0x80) {
      out += static_cast<char>(*integer);
    } else {
      out += static_cast<char>(0xD3);
      put_big_endian(out, static_cast<uint64_t>(*integer), 8);
    }
  } else if (const auto* real = std::get_if<double>(&value.data)) {
    uint64_t bits = 0;
    std::memcpy(&bits, real, sizeof bits);
    out += static_cast<char>(0xCB);
    put_big_endian(out, bits, 8);
  } else if (const auto* text = std::get_if<std::string>(&value.data)) {
    put_text(out, *text);
  } else if (const auto* array = std::get_if<std::vector<Value>>(&value.data)) {
    put_length(out, array->size(), 16, 0x90, 0, 0xDC);
    for (const Value& member : *array) put(out, member);
  } else if (const auto* map = std::get_if<ValueMap>(&value.data)) {
    put_map(out, *map);
  } else {
    out += static_cast<char>(0xC0);
  }
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool finished() const { return at_ == bytes_.size(); }

  Value read(int depth) {
    if (depth > deepest_message) throw MessageError("a message is nested too deep");
    const unsigned marker = static_cast<unsigned>(big_endian(1));
    if (marker < 0x80) return static_cast<int64_t>(marker);
    if (marker < 0x90) return map(marker & 0x0F, depth);
    if (marker < 0xA0) return array(marker & 0x0F, depth);
    if (marker < 0xC0) return text(marker & 0x1F);
    if (marker >= 0xE0) return static_cast<int64_t>(marker) - 0x100;
    switch (marker) {
      case 0xC0:
        return {};
      case 0xC2:
        return false;
      case 0xC3:
        return true;
      case 0xC4:
      case 0xD9:
        return text(big_endian(1));
      case 0xC5:
      case 0xDA:
        return text(big_endian(2));
      case 0xC6:
      case 0xDB:
        return text(big_endian(4));
      case 0xCA:
        return real32();
      case 0xCB:
        return real64();
      case 0xCC:
        return static_cast<int64_t>(big_endian(1));
      case 0xCD:
        return static_cast<int64_t>(big_endian(2));
      case 0xCE:
        return static_cast<int64_t>(big_endian(4));
      case 0xCF:
        return unsigned64();
      case 0xD0:
        return static_cast<int64_t>(static_cast<int8_t>(big_endian(1)));
      case 0xD1:
        return static_cast<int64_t>(static_cast<int16_t>(big_endian(2)));
      case 0xD2:
        return static_cast<int64_t>(static_cast<int32_t>(big_endian(4)));
      case 0xD3:
        return static_cast<int64_t>(big_endian(8));
      case 0xDC:
        return array(big_endian(2), depth);
      case 0xDD:
        return array(big_endian(4), depth);
      case 0xDE:
        return map(big_endian(2), depth);
      case 0xDF:
        return map(big_endian(4), depth);
      default:
        throw MessageError("a message holds an extension type");
    }
  }

 private:
  void need(uint64_t count) const {
    if (count > bytes_.size() - at_) throw MessageError("a message ends early");
  }

  uint64_t big_endian(int count) {
    need(static_cast<uint64_t>(count));
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
    return value;
  }

  Value unsigned64() {
    const uint64_t value = big_endian(8);
    if (value > static_cast<uint64_t>(INT64_MAX)) throw MessageError("a message holds too large an integer");
    return static_cast<int64_t>(value);
  }

  Value real32() {
    const uint32_t bits = static_cast<uint32_t>(big_endian(4));
    float value = 0.0F;
    std::memcpy(&value, &bits, sizeof value);
    return static_cast<double>(value);
  }

  Value real64() {
    const uint64_t bits = big_endian(8);
    double value = 0.0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  std::string text(uint64_t length) {
    need(length);
    std::string out(bytes_.substr(at_, length));
    at_ += length;
    return out;
  }

  Value array(uint64_t length, int depth) {
    need(length);  // a member takes at least a byte: a lying length never reserves memory
    std::vector<Value> out;
    for (uint64_t i = 0; i < length; ++i) out.push_back(read(depth + 1));
    return out;
  }

  Value map(uint64_t length, int depth) {
    need(length);
    ValueMap out;
    for (uint64_t i = 0; i < length; ++i) {
      Value name = read(depth + 1);
      auto* key = std::get_if<std::string>(&name.data);
      if (key == nullptr) throw MessageError("a message has a key that is no string");
      out[std::move(*key)] = read(depth + 1);
    }
    return out;
  }

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace

std::string pack(const ValueMap& message) {
  std::string out;
  put_map(out, message);
  return out;
}

ValueMap unpack(std::string_view bytes) {
  Reader reader(bytes);
  Value value = reader.read(0);
  auto* map = std::get_if<ValueMap>(&value.data);
  if (map == nullptr || !reader.finished()) throw MessageError("a message is not one map");
  return std::move(*map);
}

namespace {

template <typename T>
T member_or(const ValueMap& message, const std::string& name, const T& fallback) {
  const auto found = message.find(name);
  if (found == message.end()) return fallback;
  const T* value = std::get_if<T>(&found->second.data);
  return value != nullptr ? *value : fallback;
}

}  // namespace

std::string text_or(const ValueMap& message, const std::string& name, const std::string& fallback) {
  return member_or(message, name, fallback);
}

int64_t integer_or(const ValueMap& message, const std::string& name, int64_t fallback) {
  return member_or(message, name, fallback);
}

double real_or(const ValueMap& message, const std::string& name, double fallback) {
  return member_or(message, name, fallback);
}

bool boolean_or(const ValueMap& message, const std::string& name, bool fallback) {
  return member_or(message, name, fallback);
}

}  // namespace lumaflux
