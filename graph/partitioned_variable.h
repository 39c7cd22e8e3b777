// Making partitioned variables, for get_variable.
#ifndef SLUICE_GRAPH_PARTITIONED_VARIABLE_H_
#define SLUICE_GRAPH_PARTITIONED_VARIABLE_H_

#include <functional>
#include <string>

#include "graph/partition.h"
#include "graph/variable.h"

namespace sluice {

// Asks the partitioner of `options`. InvalidArgument in the words of rule VS-40.
absl::StatusOr<Partition> AskPartitioner(At at, const std::string& name,
                                         const VariableOptions& options);

// Makes one part: its op name, its own options, where it lies.
using PartMaker = std::function<Variable(
    At at, const std::string& name, const VariableOptions& options, const SaveSliceInfo* slice)>;
// The parts `<name>/part_0`, ..., their concatenation `<name>` (rule VS-41), and the entry in the
// graph's table.
Variable MakePartitioned(At at, const std::string& name, const VariableOptions& options,
                         const Partition& partition, const PartMaker& make_part);

// The piece of `whole`, a tensor of the full shape, that belongs to a part: nodes "Slice",
// "Slice/begin" and "Slice/size".
Output SlicePart(At at, const SaveSliceInfo& part, const Output& whole);

// Rule VS-42.
absl::Status CheckSamePartitions(const Variable& found, const std::string& name,
                                 const std::vector<int>& counts);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PARTITIONED_VARIABLE_H_
