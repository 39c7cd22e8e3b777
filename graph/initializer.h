// Initializer: how a variable gets its first value.
#ifndef SLUICE_GRAPH_INITIALIZER_H_
#define SLUICE_GRAPH_INITIALIZER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/output.h"

namespace sluice {

class At;

// Which piece of a partitioned variable is initialized: initializers that look at the whole
// variable (fans) use `full_shape`.
struct PartitionInfo {
  TensorShape full_shape;
  std::vector<int64_t> var_offset;  // where the piece starts, per dimension
};

// One of (tf.*_initializer, rules VS-5 to VS-7):
//  - a function (At, shape, dtype) -> Output, such as ZerosInitializer, or one that also takes the
//    `const PartitionInfo*` (null for a whole variable);
//  - a function (At) -> Output that knows its own shape and dtype;
//  - a value: a Tensor or an Output, which decides shape and dtype.
// Empty: none given.
class Initializer {
 public:
  using Function = std::function<Output(At at, const TensorShape& shape, DType dtype,
                                        const PartitionInfo* partition)>;
  using FixedFunction = std::function<Output(At at)>;

  Initializer() = default;
  Initializer(Tensor value) : how_(std::move(value)) {}  // NOLINT: implicit
  Initializer(Output value) : how_(std::move(value)) {}  // NOLINT: implicit
  template <typename F, typename = std::enable_if_t<
                            std::is_invocable_r_v<Output, F, At, const TensorShape&, DType>>>
  Initializer(F f)  // NOLINT: implicit
      : how_(Function([f](auto at, const TensorShape& shape, DType dtype, const PartitionInfo*) {
          return f(at, shape, dtype);
        })) {}
  template <typename F, typename = void,
            typename = std::enable_if_t<std::is_invocable_r_v<Output, F, At, const TensorShape&,
                                                              DType, const PartitionInfo*>>>
  Initializer(F f) : how_(Function(std::move(f))) {}  // NOLINT: implicit
  template <typename F, typename = void, typename = void,
            typename = std::enable_if_t<std::is_invocable_r_v<Output, F, At>>>
  Initializer(F f) : how_(FixedFunction(std::move(f))) {}  // NOLINT: implicit

  // A function that can say how it was made (initializers::GlorotUniform(), ...).
  Initializer(Config config, Function f)
      : how_(std::move(f)), config_(std::make_shared<const Config>(std::move(config))) {}

  explicit operator bool() const { return how_.index() != 0; }
  const std::shared_ptr<const Config>& config() const { return config_; }  // null: none
  bool is_value() const { return value() != nullptr || output() != nullptr; }
  // Works only with a fully defined shape.
  bool needs_shape() const { return std::holds_alternative<Function>(how_); }

  // Of the form that it is; null otherwise.
  const Tensor* value() const { return std::get_if<Tensor>(&how_); }
  const Output* output() const { return std::get_if<Output>(&how_); }

  // Builds the initial value. A Tensor becomes a Const named by `at`, else "initial_value". Shape
  // and dtype are for functions; the caller checks what comes back. REQUIRES: not empty.
  Output operator()(At at, const TensorShape& shape, DType dtype,
                    const PartitionInfo* partition = nullptr) const;

 private:
  std::variant<std::monostate, Function, FixedFunction, Tensor, Output> how_;
  std::shared_ptr<const Config> config_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_INITIALIZER_H_
