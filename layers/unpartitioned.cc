#include "layers/unpartitioned.h"

#include <string>
#include <utility>

namespace sluice::layers {

VariableOptions Unpartitioned(const Scope& scope, VariableOptions options) {
  if (!scope.partitioner()) return options;
  // A getter sees the options with what the scope adds to them.
  const CustomGetter own = options.custom_getter ? options.custom_getter : scope.custom_getter();
  options.custom_getter = [own](const VariableGetter& getter, At at, const std::string& name,
                                const VariableOptions& resolved) {
    VariableOptions whole = resolved;
    whole.partitioner = nullptr;
    return own ? own(getter, at, name, whole) : getter(at, name, whole);
  };
  return options;
}

}  // namespace sluice::layers
