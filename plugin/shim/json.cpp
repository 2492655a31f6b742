#include "json.h"

#include <charconv>

namespace lumaflux {
namespace {

constexpr int deepest_json = 32;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = read(0);
    skip_space();
    if (at_ != text_.size()) fail("text after the document");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw JsonError(std::string(what) + " at byte " + std::to_string(at_));
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  char peek() {
    skip_space();
    if (at_ == text_.size()) fail("the text ends early");
    return text_[at_];
  }

  void expect(char wanted) {
    if (peek() != wanted) fail("an unexpected character");
    ++at_;
  }

  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Json read(int depth) {
    if (depth > deepest_json) fail("too deep a nesting");
    Json value;
    const char first = peek();
    if (first == '{') {
      read_object(value, depth);
    } else if (first == '[') {
      read_array(value, depth);
    } else if (first == '"') {
      value.kind = Json::Kind::string;
      value.string = read_string();
    } else if (take("true") || take("false")) {
      value.kind = Json::Kind::boolean;
      value.boolean = first == 't';
    } else if (!take("null")) {
      value.kind = Json::Kind::number;
      value.number = read_number();
    }
    return value;
  }

  void read_object(Json& value, int depth) {
    value.kind = Json::Kind::object;
    expect('{');
    if (peek() == '}') {
      ++at_;
      return;
    }
    for (;;) {
      if (peek() != '"') fail("a name is missing");
      std::string name = read_string();
      expect(':');
      value.object[std::move(name)] = read(depth + 1);
      if (peek() == '}') break;
      expect(',');
    }
    ++at_;
  }

  void read_array(Json& value, int depth) {
    value.kind = Json::Kind::array;
    expect('[');
    if (peek() == ']') {
      ++at_;
      return;
    }
    for (;;) {
      value.array.push_back(read(depth + 1));
      if (peek() == ']') break;
      expect(',');
    }
    ++at_;
  }

  double read_number() {
    // from_chars, unlike strtod, does not depend on the locale that a host has set.
    double number = 0.0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    const bool digit = *begin == '-' || (*begin >= '0' && *begin <= '9');
    if (error != std::errc() || !digit) fail("an unknown value");
    at_ += static_cast<size_t>(end - begin);
    return number;
  }

  unsigned read_hex4() {
    unsigned code = 0;
    const char* begin = text_.data() + at_;
    if (text_.size() - at_ < 4) fail("an unfinished escape");
    const auto [end, error] = std::from_chars(begin, begin + 4, code, 16);
    if (error != std::errc() || end != begin + 4) fail("a wrong escape");
    at_ += 4;
    return code;
  }

  void append_code_point(std::string& out, unsigned code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0 | (code >> 12));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      out += static_cast<char>(0xF0 | (code >> 18));
      out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  void read_escape(std::string& out) {
    if (at_ == text_.size()) fail("an unfinished escape");
    const char kind = text_[at_++];
    constexpr std::string_view plain = "\"\\/bfnrt", meaning = "\"\\/\b\f\n\r\t";
    if (const size_t known = plain.find(kind); known != std::string_view::npos) {
      out += meaning[known];
      return;
    }
    if (kind != 'u') fail("a wrong escape");
    unsigned code = read_hex4();
    if (code >= 0xD800 && code < 0xDC00) {
      if (!take("\\u")) fail("half a surrogate pair");
      const unsigned low = read_hex4();
      if (low < 0xDC00 || low >= 0xE000) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_code_point(out, code);
  }

  std::string read_string() {
    expect('"');
    std::string out;
    for (;;) {
      if (at_ == text_.size()) fail("an unfinished string");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c == '\\') {
        read_escape(out);
      } else {
        out += c;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Json Json::parse(std::string_view text) { return Parser(text).document(); }

const Json& Json::operator[](const std::string& name) const {
  static const Json missing;
  const auto found = object.find(name);
  return found == object.end() ? missing : found->second;
}

}  // namespace lumaflux
