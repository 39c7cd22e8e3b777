// The name of a layer.
#ifndef SLUICE_LAYERS_LAYER_NAME_H_
#define SLUICE_LAYERS_LAYER_NAME_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "graph/scope.h"

namespace sluice::layers {

// The `name` option of layers: a string, or a variable scope, into which the variables then go
// straight (`test1/kernel`, rule L-3). Empty: numbered by class.
class LayerName {
 public:
  LayerName() = default;
  LayerName(const char* name) : text_(name) {}             // NOLINT: implicit
  LayerName(std::string name) : text_(std::move(name)) {}  // NOLINT: implicit
  LayerName(absl::string_view name) : text_(name) {}       // NOLINT: implicit
  LayerName(Scope scope)                                   // NOLINT: implicit
      : text_(scope.variable_scope()), scope_(std::move(scope)) {}

  bool empty() const { return text_.empty() && !scope_.has_value(); }
  const std::string& text() const { return text_; }
  const std::optional<Scope>& scope() const { return scope_; }

 private:
  std::string text_;
  std::optional<Scope> scope_;
};

// The default name of a class: "SeparableConv2D" -> "separable_conv2d", "PReLU" -> "p_re_lu"; a
// leading '_' becomes "private" (rule L-2).
std::string SnakeCase(absl::string_view class_name);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_LAYER_NAME_H_
