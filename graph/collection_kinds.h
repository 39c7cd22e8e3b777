// Which collections of a MetaGraphDef are lists of messages (rule COL-6).
#ifndef SLUICE_GRAPH_COLLECTION_KINDS_H_
#define SLUICE_GRAPH_COLLECTION_KINDS_H_

#include "absl/strings/string_view.h"

namespace sluice {

// Lists of VariableDef.
bool HoldsVariables(absl::string_view key);

// Lists of other records, whose bytes name nodes.
bool HoldsRecords(absl::string_view key);

}  // namespace sluice

#endif  // SLUICE_GRAPH_COLLECTION_KINDS_H_
