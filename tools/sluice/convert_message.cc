#include "tools/sluice/convert_message.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>
#include <re2/re2.h>

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/proto_io.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"

namespace sluice::tools {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsTextPath(absl::string_view path) {
  return absl::EndsWith(path, ".pbtxt") || absl::EndsWith(path, ".txt");
}

bool IsSavedModelPath(const std::string& path) {
  return absl::StartsWith(BaseName(path), "saved_model.");
}

bool IsMetaGraphPath(absl::string_view path) {
  return absl::EndsWith(path, ".meta") || absl::EndsWith(path, ".meta.txt");
}

// What the file may be, most likely first.
std::vector<std::unique_ptr<Message>> Candidates(const std::string& in, const std::string& out) {
  std::vector<std::unique_ptr<Message>> messages;
  const bool saved_model = IsSavedModelPath(in) || IsSavedModelPath(out);
  const bool meta_graph = !saved_model && (IsMetaGraphPath(in) || IsMetaGraphPath(out));
  if (!saved_model && !meta_graph) messages.push_back(std::make_unique<proto::GraphDef>());
  if (!saved_model) messages.push_back(std::make_unique<proto::MetaGraphDef>());
  if (!meta_graph) messages.push_back(std::make_unique<proto::SavedModel>());
  return messages;
}

absl::StatusOr<std::unique_ptr<Message>> ParseAny(const std::string& bytes, const std::string& in,
                                                  const std::string& out) {
  absl::Status first;
  for (std::unique_ptr<Message>& message : Candidates(in, out)) {
    absl::Status status = ParseMessage(bytes, IsTextPath(in), message.get());
    if (status.ok()) status = CheckWireTypes(*message);
    if (status.ok()) return std::move(message);
    first.Update(status);
  }
  return first;
}

// Counts fields that are not known, as "MetaGraphDef field 7". Messages nest at most as deep as the
// parser allows.
void CountUnknown(const Message& message, std::map<std::string, int>* counts) {
  const Reflection& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    ++(*counts)[absl::StrCat(message.GetDescriptor()->name(), " field ",
                             unknown.field(i).number())];
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      CountUnknown(reflection.GetMessage(message, field), counts);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i)
      CountUnknown(reflection.GetRepeatedMessage(message, field, i), counts);
  }
}

// Leaves out what text cannot hold so that it is read again, and says so.
void DropUnknown(Message* message) {
  std::map<std::string, int> counts;
  CountUnknown(*message, &counts);
  if (counts.empty()) return;
  const auto describe = [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first, " (", entry.second, ")");
  };
  std::fprintf(stderr, "sluice: left out, fields that are not known have no text: %s\n",
               absl::StrJoin(counts, ", ", describe).c_str());
  message->DiscardUnknownFields();
}

// Fields that the parser passes over in text.
void WarnOfSkipped(const std::string& text) {
  static const RE2& later = *new RE2(
      R"((?m)^\s*(debug_info|experimental_type|experimental_full_type|registered_gradients|)"
      R"(float8_val|object_graph_def|composite_tensor)\s*[:{<])");
  std::set<std::string> names;
  re2::StringPiece rest(text);
  for (std::string name; RE2::FindAndConsume(&rest, later, &name);) names.insert(name);
  if (names.empty()) return;
  std::fprintf(stderr, "sluice: left out, fields of later TensorFlows are not read from text: %s\n",
               absl::StrJoin(names, ", ").c_str());
}

}  // namespace

bool IsMessagePath(absl::string_view path) {
  return IsTextPath(path) || absl::EndsWith(path, ".pb") || absl::EndsWith(path, ".meta");
}

absl::Status ConvertMessage(const std::string& in, const std::string& out) {
  FileSystem& fs = FileSystem::Default();
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, fs.ReadAll(in));
  absl::StatusOr<std::unique_ptr<Message>> message = ParseAny(bytes, in, out);
  if (!message.ok()) return Annotate(message.status(), absl::CHexEscape(in));
  const bool text = IsTextPath(out);
  if (IsTextPath(in)) WarnOfSkipped(bytes);
  if (text) DropUnknown(message->get());
  const absl::StatusOr<std::string> written = SerializeMessage(**message, text);
  if (!written.ok()) return Annotate(written.status(), absl::CHexEscape(out));
  SLUICE_RETURN_IF_ERROR(fs.ReplaceAtomically(out, *written));
  std::printf("%s: %s of %zu bytes to %s\n", (*message)->GetDescriptor()->name().c_str(),
              text ? "text" : "binary", written->size(), absl::CHexEscape(out).c_str());
  return absl::OkStatus();
}

}  // namespace sluice::tools
