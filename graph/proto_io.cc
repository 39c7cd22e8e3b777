#include "graph/proto_io.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <climits>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"

namespace sluice {
namespace {

using google::protobuf::Message;
using google::protobuf::TextFormat;

// Protobuf's own limit for the binary form.
constexpr int kMaxDepth = 100;

// Fields of TensorFlow 2 that proto/ does not declare.
constexpr const char* kLaterFields[] = {
    "debug_info", "experimental_type", "experimental_full_type", "registered_gradients",
    "float8_val", "object_graph_def",  "composite_tensor"};

// The first error of a text, and the first unknown field that no TensorFlow has.
class Errors : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (!first_.has_value()) first_ = Describe(line, column, message);
  }
  // Unknown fields come as: Message type "sluice.proto.GraphDef" has no field named "this".
  void AddWarning(int line, int column, const std::string& message) override {
    const bool later =
        std::any_of(std::begin(kLaterFields), std::end(kLaterFields), [&](const char* field) {
          return absl::EndsWith(message, absl::StrCat("has no field named \"", field, "\"."));
        });
    if (!later && !absl::StrContains(message, "deprecated")) AddError(line, column, message);
  }
  const std::optional<std::string>& first() const { return first_; }

 private:
  static std::string Describe(int line, int column, const std::string& message) {
    return absl::StrCat("line ", line + 1, ", column ", column + 1, ": ", Printable(message));
  }
  std::optional<std::string> first_;
};

// Finds our messages under TensorFlow's names: in proto/ they have another package.
class TensorFlowNames : public TextFormat::Finder {
 public:
  const google::protobuf::Descriptor* FindAnyType(const Message& message, const std::string& prefix,
                                                  const std::string& name) const override {
    if (prefix != "type.googleapis.com/" && prefix != "type.googleprod.com/") return nullptr;
    absl::string_view local = name;
    const std::string ours =
        absl::ConsumePrefix(&local, "tensorflow.") ? absl::StrCat("sluice.proto.", local) : name;
    return message.GetDescriptor()->file()->pool()->FindMessageTypeByName(ours);
  }
};

absl::Status ParseText(absl::string_view bytes, Message* message) {
  Errors errors;
  const TensorFlowNames names;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetFinder(&names);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(kMaxDepth);
  if (bytes.size() > INT_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("text must have at most 2 GiB, got ", bytes.size(), " bytes"));
  }
  google::protobuf::io::ArrayInputStream in(bytes.data(), static_cast<int>(bytes.size()));
  const bool parsed = parser.Parse(&in, message);
  if (parsed && !errors.first().has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("not the text of a ",
                                                 message->GetDescriptor()->name(), ": ",
                                                 errors.first().value_or("cannot be read")));
}

// A binary message begins with bytes that hardly any text has.
bool LooksLikeText(absl::string_view bytes) {
  bytes = bytes.substr(0, 1024);
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t';
  });
}

}  // namespace

absl::StatusOr<std::string> SerializeMessage(const Message& message, bool text) {
  std::string bytes;
  google::protobuf::io::StringOutputStream out(&bytes);
  if (text) {
    TextFormat::Printer printer;
    if (!printer.Print(message, &out)) return absl::InternalError("cannot be written as text");
    return bytes;
  }
  const size_t size = message.ByteSizeLong();
  if (size > INT_MAX) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a ", message.GetDescriptor()->name(), " must have at most 2 GiB, got ", size, " bytes"));
  }
  bytes.reserve(size);
  {
    google::protobuf::io::CodedOutputStream coded(&out);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

absl::Status ParseMessage(absl::string_view bytes, bool text, Message* message) {
  if (text) return ParseText(bytes, message);
  if (bytes.size() > INT_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("a ", message->GetDescriptor()->name(),
                                                   " must have at most 2 GiB, got ", bytes.size(),
                                                   " bytes"));
  }
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  if (LooksLikeText(bytes)) return ParseText(bytes, message);
  return absl::InvalidArgumentError(absl::StrCat("damaged bytes, or not a ",
                                                 message->GetDescriptor()->name(), ", got ",
                                                 bytes.size(), " bytes"));
}

absl::Status CheckWireTypes(const Message& message) {
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto* field = message.GetDescriptor()->FindFieldByNumber(unknown.field(i).number());
    if (field == nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat("damaged message: field '", field->name(),
                                                   "' of ", message.GetDescriptor()->name(),
                                                   " has the wrong wire type"));
  }
  return absl::OkStatus();
}

void CopyUnknownFields(const Message& from, Message* to) {
  to->GetReflection()->MutableUnknownFields(to)->MergeFrom(
      from.GetReflection()->GetUnknownFields(from));
}

}  // namespace sluice
