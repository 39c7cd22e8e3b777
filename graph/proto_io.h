// Messages to and from bytes, with TensorFlow's conventions for text.
#ifndef SLUICE_GRAPH_PROTO_IO_H_
#define SLUICE_GRAPH_PROTO_IO_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace sluice {

// Equal messages give equal bytes: maps are written in the order of their keys.
// ResourceExhausted above 2 GiB, which no reader of the binary form accepts.
absl::StatusOr<std::string> SerializeMessage(const google::protobuf::Message& message,
                                             bool text = false);

// Reads all of `bytes`, binary or text. Bytes that are not binary but look like text are read as
// text even without `text`. Text: '#' starts a comment; type.googleapis.com/tensorflow.X names our
// X; fields that later releases of TensorFlow added are skipped, other unknown ones refused.
// InvalidArgument: "line 3, column 7: ..." for text, damaged bytes, nesting deeper than 100.
absl::Status ParseMessage(absl::string_view bytes, bool text, google::protobuf::Message* message);

// Parsers put a field that has the wrong wire type among the unknown ones, where its loss would go
// unseen. InvalidArgument, naming the field, when `message` itself (not its parts) has such a
// field.
absl::Status CheckWireTypes(const google::protobuf::Message& message);

// Adds to `to` the fields of `from` itself (not of its parts) that proto/ does not declare.
void CopyUnknownFields(const google::protobuf::Message& from, google::protobuf::Message* to);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PROTO_IO_H_
