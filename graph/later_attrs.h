// Attributes that later releases of TensorFlow gave to existing ops.
#ifndef SLUICE_GRAPH_LATER_ATTRS_H_
#define SLUICE_GRAPH_LATER_ATTRS_H_

#include "absl/strings/string_view.h"
#include "core/attr_value.h"

namespace sluice {

// Is `attr` such an attribute of `op`, and `value` its default? Then a node says nothing that the
// op did not mean before, and an import may leave the attribute out. An attribute with any other
// value changes the op: that is an error where the op's schema lacks it.
bool IsLaterDefault(absl::string_view op, absl::string_view attr, const AttrValue& value);

}  // namespace sluice

#endif  // SLUICE_GRAPH_LATER_ATTRS_H_
