// Files of one protobuf message: graphs, MetaGraphs and SavedModels between binary and text.
#ifndef SLUICE_TOOLS_SLUICE_CONVERT_MESSAGE_H_
#define SLUICE_TOOLS_SLUICE_CONVERT_MESSAGE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sluice::tools {

// By the ends of names: text is .pbtxt or .txt, binary .pb or .meta.
bool IsMessagePath(absl::string_view path);

// Reads `in` (its bytes say whether they are text) and writes the same message to `out`, text or
// binary as its name says. A name saved_model.* on either side means a SavedModel, .meta or
// .meta.txt a MetaGraphDef; else it is the first of GraphDef, MetaGraphDef and SavedModel that the
// bytes fit. The message is not interpreted: nodes keep their order and binary files keep fields
// that this program does not know. Text has no readable form for these, nor do we read fields of
// later TensorFlows from it: what is left out is said on stderr.
//
// Prints what it was. InvalidArgument, naming the file, for bytes that are no such message;
// ResourceExhausted for more than 2 GiB.
absl::Status ConvertMessage(const std::string& in, const std::string& out);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_CONVERT_MESSAGE_H_
