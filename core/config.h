// How an object of a model was configured: its class and its arguments by name, as a plain value
// that can be written to a file and read back. (Keras's get_config, {class_name, config}.)
#ifndef SLUICE_CORE_CONFIG_H_
#define SLUICE_CORE_CONFIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace sluice {

struct Config;
// One argument. monostate is Python's None; a Config behind a pointer is an object, such as an
// initializer; several are a list of objects, such as the cells of a stack.
using ConfigValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<int64_t>,
                 std::vector<double>, std::vector<std::string>, std::shared_ptr<const Config>,
                 std::vector<Config>>;

struct Config {
  std::string class_name;  // Keras's: "Conv2D", "VarianceScaling", "MaxNorm"
  std::map<std::string, ConfigValue> fields = {};
};

// A function that may know how it was made, so that what holds it can be written to a file: the
// base of activations, regularizers and constraints. Any callable of the signature converts to it;
// such a one has no config.
template <typename Signature>
class Described;
template <typename Result, typename... Args>
class Described<Result(Args...)> {
 public:
  using Function = std::function<Result(Args...)>;

  Described() = default;
  template <typename F,
            typename = std::enable_if_t<!std::is_base_of_v<Described, std::decay_t<F>> &&
                                        std::is_invocable_r_v<Result, std::decay_t<F>&, Args...>>>
  Described(F&& f) : function_(std::forward<F>(f)) {}  // NOLINT: implicit
  Described(Config config, Function function)
      : function_(std::move(function)),
        config_(std::make_shared<const Config>(std::move(config))) {}

  explicit operator bool() const { return static_cast<bool>(function_); }
  // REQUIRES: not empty.
  Result operator()(Args... args) const { return function_(std::move(args)...); }
  const std::shared_ptr<const Config>& config() const { return config_; }  // null: none

 private:
  Function function_;
  std::shared_ptr<const Config> config_;
};

}  // namespace sluice

#endif  // SLUICE_CORE_CONFIG_H_
