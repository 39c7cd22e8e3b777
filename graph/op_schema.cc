// The grammar of op schemas (TensorFlow's REGISTER_OP strings) and the checks of attributes against
// it.
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "google/protobuf/text_format.h"
#include "graph/op_spec.h"
#include "graph/tensor_proto.h"
#include "proto/tensor.pb.h"

namespace sluice {
namespace {

absl::Status Malformed(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("malformed schema \"", text, "\": ", why));
}

bool IsIdentifier(absl::string_view s) {
  if (s.empty() || !(absl::ascii_isalpha(s[0]) || s[0] == '_')) return false;
  for (char c : s) {
    if (!absl::ascii_isalnum(c) && c != '_') return false;
  }
  return true;
}

// Splits "name: rest" and trims both.
bool SplitName(absl::string_view text, absl::string_view* name, absl::string_view* rest) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) return false;
  *name = absl::StripAsciiWhitespace(text.substr(0, colon));
  *rest = absl::StripAsciiWhitespace(text.substr(colon + 1));
  return IsIdentifier(*name) && !rest->empty();
}

const char* const kScalarTypes[] = {"string", "int",   "float",  "bool",
                                    "type",   "shape", "tensor", "func"};

bool IsScalarType(absl::string_view s) {
  for (const char* t : kScalarTypes) {
    if (s == t) return true;
  }
  return false;
}

// The type sets that schemas may name.
std::vector<DType> TypeSet(absl::string_view name) {
  using D = DType;
  const std::vector<D> real = {D::kFloat,  D::kDouble, D::kInt32,  D::kUint8,
                               D::kInt16,  D::kInt8,   D::kInt64,  D::kHalf,
                               D::kUint16, D::kUint32, D::kUint64, D::kBfloat16};
  if (name == "realnumbertype") return real;
  if (name == "numbertype") {
    std::vector<D> all = real;
    for (D d : {D::kComplex64, D::kComplex128, D::kQint8, D::kQuint8, D::kQint32}) all.push_back(d);
    return all;
  }
  if (name == "quantizedtype") return {D::kQint8, D::kQuint8, D::kQint32, D::kQint16, D::kQuint16};
  return {};
}

// "{ dtype: DT_UINT8 tensor_shape { dim { size: 4 } } int_val: 255 }": a TensorProto's text.
absl::StatusOr<AttrValue> ParseTensor(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "{") || !absl::ConsumeSuffix(&text, "}")) {
    return absl::InvalidArgumentError("a tensor must be in braces");
  }
  proto::TensorProto tensor;
  if (!google::protobuf::TextFormat::ParseFromString(std::string(text), &tensor)) {
    return absl::InvalidArgumentError("no text of a TensorProto");
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor value, TensorFromProto(tensor));
  return AttrValue(std::move(value));
}

// Parses one element of a default value or an allowed set.
absl::StatusOr<AttrValue> ParseScalar(absl::string_view type, absl::string_view text) {
  if (type == "string") {
    if (text.size() < 2 || (text[0] != '\'' && text[0] != '"') || text.back() != text[0]) {
      return absl::InvalidArgumentError("a string must be quoted");
    }
    return AttrValue(text.substr(1, text.size() - 2));
  }
  if (type == "int") {
    int64_t value;
    if (!absl::SimpleAtoi(text, &value)) return absl::InvalidArgumentError("not an integer");
    return AttrValue(value);
  }
  if (type == "float") {
    float value;
    if (!absl::SimpleAtof(text, &value)) return absl::InvalidArgumentError("not a number");
    return AttrValue(value);
  }
  if (type == "bool") {
    if (text != "true" && text != "false") return absl::InvalidArgumentError("not a bool");
    return AttrValue(text == "true");
  }
  if (type == "type") {
    SLUICE_ASSIGN_OR_RETURN(DType d, ParseDType(text));
    return AttrValue(d);
  }
  if (type == "shape") {
    if (absl::StrContains(text, "unknown_rank: true")) return AttrValue(TensorShape::Unknown());
    if (text == "{}" || text == "{ }") return AttrValue(TensorShape());
    return absl::InvalidArgumentError("only { unknown_rank: true } and {} are default shapes");
  }
  if (type == "tensor") return ParseTensor(text);
  return absl::InvalidArgumentError(absl::StrCat("no default value of type ", type));
}

std::vector<absl::string_view> SplitList(absl::string_view body) {
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(body, ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

template <typename T>
absl::StatusOr<AttrValue> ParseListOf(absl::string_view type,
                                      const std::vector<absl::string_view>& parts) {
  std::vector<T> values;
  for (absl::string_view part : parts) {
    SLUICE_ASSIGN_OR_RETURN(AttrValue v, ParseScalar(type, part));
    values.push_back(*v.get_if<T>());
  }
  return AttrValue(std::move(values));
}

absl::StatusOr<AttrValue> ParseDefault(absl::string_view type, absl::string_view text) {
  if (!absl::ConsumePrefix(&type, "list(")) return ParseScalar(type, text);
  absl::ConsumeSuffix(&type, ")");
  if (!absl::ConsumePrefix(&text, "[") || !absl::ConsumeSuffix(&text, "]")) {
    return absl::InvalidArgumentError("a list must be in brackets");
  }
  const std::vector<absl::string_view> parts = SplitList(text);
  if (type == "string") return ParseListOf<std::string>(type, parts);
  if (type == "int") return ParseListOf<int64_t>(type, parts);
  if (type == "float") return ParseListOf<float>(type, parts);
  if (type == "bool") return ParseListOf<bool>(type, parts);
  if (type == "type") return ParseListOf<DType>(type, parts);
  if (type == "shape") return ParseListOf<TensorShape>(type, parts);
  if (parts.empty()) return AttrValue(EmptyList{});
  return absl::InvalidArgumentError(absl::StrCat("no default list of type ", type));
}

// "{float, double}" or "{'SAME', 'VALID'}" into the allowed values; returns the element type.
absl::StatusOr<std::string> ParseAllowed(absl::string_view body, AttrSpec* attr) {
  const std::vector<absl::string_view> parts = SplitList(body);
  if (parts.empty()) return absl::InvalidArgumentError("an empty set");
  const bool strings = parts[0][0] == '\'' || parts[0][0] == '"';
  for (absl::string_view part : parts) {
    if (strings) {
      SLUICE_ASSIGN_OR_RETURN(AttrValue v, ParseScalar("string", part));
      attr->allowed_strings.push_back(*v.get_if<std::string>());
      continue;
    }
    const std::vector<DType> set = TypeSet(part);
    if (!set.empty()) {
      attr->allowed_types.insert(attr->allowed_types.end(), set.begin(), set.end());
      continue;
    }
    SLUICE_ASSIGN_OR_RETURN(DType d, ParseDType(part));
    attr->allowed_types.push_back(d);
  }
  return std::string(strings ? "string" : "type");
}

// The type part of an attr, without ">= n" and "= default": "list({int32, int64})", "numbertype",
// "int".
absl::Status ParseAttrType(absl::string_view text, AttrSpec* attr) {
  absl::string_view inner = text;
  const bool list = absl::ConsumePrefix(&inner, "list(") && absl::ConsumeSuffix(&inner, ")");
  if (!list) inner = text;
  inner = absl::StripAsciiWhitespace(inner);
  std::string type;
  if (absl::ConsumePrefix(&inner, "{") && absl::ConsumeSuffix(&inner, "}")) {
    SLUICE_ASSIGN_OR_RETURN(type, ParseAllowed(inner, attr));
  } else if (!TypeSet(inner).empty()) {
    attr->allowed_types = TypeSet(inner);
    type = "type";
  } else if (IsScalarType(inner)) {
    type = std::string(inner);
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown type '", inner, "'"));
  }
  attr->type = list ? absl::StrCat("list(", type, ")") : type;
  return absl::OkStatus();
}

// Position of the '=' that starts a default: outside quotes and braces, not part of ">=".
size_t FindDefault(absl::string_view text) {
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '{' || c == '(' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ')' || c == ']') {
      --depth;
    } else if (c == '=' && depth == 0 && (i == 0 || text[i - 1] != '>')) {
      return i;
    }
  }
  return absl::string_view::npos;
}

}  // namespace

absl::StatusOr<ArgSpec> ParseArg(absl::string_view text) {
  absl::string_view name, rest;
  if (!SplitName(text, &name, &rest)) return Malformed(text, "expected \"name: type\"");
  ArgSpec arg;
  arg.name = std::string(name);
  if (absl::ConsumePrefix(&rest, "Ref(")) {
    if (!absl::ConsumeSuffix(&rest, ")")) return Malformed(text, "Ref( without )");
    arg.is_ref = true;
  }
  const size_t star = rest.find('*');
  if (star != absl::string_view::npos) {
    const absl::string_view count = absl::StripAsciiWhitespace(rest.substr(0, star));
    if (!IsIdentifier(count)) return Malformed(text, "expected \"N * T\"");
    arg.number_attr = std::string(count);
    rest = absl::StripAsciiWhitespace(rest.substr(star + 1));
  }
  if (!IsIdentifier(rest)) return Malformed(text, "expected a type or an attr");
  // Attr names and dtype names never clash: a dtype name is lower case and known.
  const absl::StatusOr<DType> dtype = ParseDType(rest);
  if (dtype.ok()) {
    arg.type = *dtype;
  } else {
    arg.type_attr = std::string(
        rest);  // becomes type_list_attr when the attr is a list(type): OpSpec settles it
  }
  return arg;
}

absl::StatusOr<AttrSpec> ParseAttr(absl::string_view text) {
  absl::string_view name, rest;
  if (!SplitName(text, &name, &rest)) return Malformed(text, "expected \"name: type\"");
  AttrSpec attr;
  attr.name = std::string(name);
  absl::string_view default_text;
  const size_t equals = FindDefault(rest);
  if (equals != absl::string_view::npos) {
    default_text = absl::StripAsciiWhitespace(rest.substr(equals + 1));
    rest = absl::StripAsciiWhitespace(rest.substr(0, equals));
  }
  const size_t at_least = rest.find(">=");
  if (at_least != absl::string_view::npos) {
    int64_t minimum;
    if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(rest.substr(at_least + 2)), &minimum)) {
      return Malformed(text, "expected an integer after >=");
    }
    attr.minimum = minimum;
    rest = absl::StripAsciiWhitespace(rest.substr(0, at_least));
  }
  const absl::Status type = ParseAttrType(rest, &attr);
  if (!type.ok()) return Malformed(text, type.message());
  if (equals != absl::string_view::npos) {
    absl::StatusOr<AttrValue> value = ParseDefault(attr.type, default_text);
    if (!value.ok()) return Malformed(text, value.status().message());
    attr.default_value = *std::move(value);
  }
  return attr;
}

namespace {

absl::Status BadAttr(const AttrSpec& spec, const AttrValue& value, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(
      "attr '", spec.name, "' is ", Printable(value.ToString()), ", must be ", wanted));
}

absl::Status CheckOneType(const AttrSpec& spec, const AttrValue& value, DType d) {
  if (!IsKnown(d)) return BadAttr(spec, value, "a known dtype");
  if (spec.allowed_types.empty()) return absl::OkStatus();
  std::vector<std::string> names;
  for (DType allowed : spec.allowed_types) {
    if (d == allowed) return absl::OkStatus();
    names.push_back(DTypeSchemaName(allowed));
  }
  return BadAttr(spec, value, absl::StrCat("one of {", absl::StrJoin(names, ", "), "}"));
}

absl::Status CheckOneString(const AttrSpec& spec, const AttrValue& value, const std::string& s) {
  if (spec.allowed_strings.empty()) return absl::OkStatus();
  for (const std::string& allowed : spec.allowed_strings) {
    if (s == allowed) return absl::OkStatus();
  }
  return BadAttr(spec, value,
                 absl::StrCat("one of {", absl::StrJoin(spec.allowed_strings, ", "), "}"));
}

// Length of a list value, -1 for a scalar.
int64_t ListLength(const AttrValue& value) {
  return std::visit(
      [](const auto& v) -> int64_t {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, EmptyList>) {
          return 0;
        } else if constexpr (std::is_same_v<V, std::vector<std::string>> ||
                             std::is_same_v<V, std::vector<int64_t>> ||
                             std::is_same_v<V, std::vector<float>> ||
                             std::is_same_v<V, std::vector<bool>> ||
                             std::is_same_v<V, std::vector<DType>> ||
                             std::is_same_v<V, std::vector<TensorShape>> ||
                             std::is_same_v<V, std::vector<Tensor>> ||
                             std::is_same_v<V, std::vector<FuncRef>>) {
          return static_cast<int64_t>(v.size());
        } else {
          return -1;
        }
      },
      value.value());
}

absl::Status CheckAttr(const AttrSpec& spec, const AttrValue& value) {
  const std::string kind = value.KindName();
  const bool list = absl::StartsWith(spec.type, "list(");
  if (kind.empty()) return BadAttr(spec, value, absl::StrCat("a value of type ", spec.type));
  if (kind != spec.type && !(list && kind == "list()")) {
    return absl::InvalidArgumentError(absl::StrCat("attr '", spec.name, "' has type ", kind, " (",
                                                   Printable(value.ToString()), "), expected ",
                                                   spec.type));
  }
  if (spec.minimum.has_value()) {
    const int64_t* i = value.get_if<int64_t>();
    const int64_t got = i ? *i : ListLength(value);
    if (got < *spec.minimum) {
      return BadAttr(spec, value, absl::StrCat(i ? ">= " : "of length >= ", *spec.minimum));
    }
  }
  if (const DType* d = value.get_if<DType>()) return CheckOneType(spec, value, *d);
  if (const auto* v = value.get_if<std::vector<DType>>()) {
    for (DType d : *v) SLUICE_RETURN_IF_ERROR(CheckOneType(spec, value, d));
  }
  if (const std::string* s = value.get_if<std::string>()) return CheckOneString(spec, value, *s);
  if (const auto* v = value.get_if<std::vector<std::string>>()) {
    for (const std::string& s : *v) SLUICE_RETURN_IF_ERROR(CheckOneString(spec, value, s));
  }
  if (const TensorShape* s = value.get_if<TensorShape>()) return s->Check();
  if (const auto* v = value.get_if<std::vector<TensorShape>>()) {
    for (const TensorShape& s : *v) SLUICE_RETURN_IF_ERROR(s.Check());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAttrs(const OpSpec& spec, AttrMap* attrs) {
  for (const AttrSpec& attr : spec.attrs()) {
    auto it = attrs->find(absl::string_view(attr.name));
    if (it == attrs->end()) {
      if (!attr.default_value.has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat("attr '", attr.name, "' of type ", attr.type, " is missing"));
      }
      attrs->emplace(attr.name, *attr.default_value);
      continue;
    }
    // {"T", 1}-like literals: an int where the schema wants a float is the only conversion.
    if (attr.type == "float" && it->second.get_if<int64_t>()) {
      it->second = AttrValue(static_cast<float>(*it->second.get_if<int64_t>()));
    }
    SLUICE_RETURN_IF_ERROR(CheckAttr(attr, it->second));
  }
  for (const auto& [name, value] : *attrs) {
    if (!absl::StartsWith(name, "_") && spec.FindAttr(name) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("op ", spec.name(), " has no attr '", Printable(name), "'"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DType>> ArgTypes(const std::vector<ArgSpec>& args,
                                            const AttrMap& attrs) {
  constexpr int64_t kMaxArgs = 1 << 20;
  std::vector<DType> types;
  for (const ArgSpec& arg : args) {
    if (!arg.type_list_attr.empty()) {
      for (DType d : GetAttr<std::vector<DType>>(attrs, arg.type_list_attr))
        types.push_back(arg.is_ref ? RefType(d) : d);
      continue;
    }
    DType d = arg.type_attr.empty() ? arg.type : GetAttr<DType>(attrs, arg.type_attr);
    if (arg.is_ref) d = RefType(d);
    const int64_t count = arg.number_attr.empty() ? 1 : GetAttr<int64_t>(attrs, arg.number_attr);
    if (count < 0 || count > kMaxArgs) {
      return absl::InvalidArgumentError(absl::StrCat("attr '", arg.number_attr, "' is ", count,
                                                     ", must be in [0, ", kMaxArgs, "]"));
    }
    types.insert(types.end(), static_cast<size_t>(count), d);
  }
  return types;
}

}  // namespace sluice
