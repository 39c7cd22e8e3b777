// Configs of layers: every struct of arguments names its fields once, in a function Fields(), which
// serves for writing a Config and for reading one.
//
//   void DenseOptions::Fields(ConfigFields& f) {
//     f("units", units);
//     f("activation", activation);
//     ...
//   }
#ifndef SLUICE_LAYERS_CONFIG_H_
#define SLUICE_LAYERS_CONFIG_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/dtype.h"
#include "graph/scope.h"
#include "layers/data_format.h"
#include "ops/padding.h"

namespace sluice {

namespace proto {
class ObjectConfig;
}

class Activation;
class Training;

namespace layers {

class Layer;
class LayerName;

// Visits the fields of a struct of arguments. Two kinds exist: one writes a Config, the other reads
// one; a field that the Config lacks keeps its value.
class ConfigFields {
 public:
  virtual ~ConfigFields() = default;

  void operator()(const char* name, bool& value);
  void operator()(const char* name, int64_t& value);
  void operator()(const char* name, float& value);
  void operator()(const char* name, double& value);
  void operator()(const char* name, std::string& value);
  void operator()(const char* name, std::vector<int64_t>& value);
  void operator()(const char* name, std::vector<double>& value);
  void operator()(const char* name, std::optional<bool>& value);
  void operator()(const char* name, std::optional<int64_t>& value);
  void operator()(const char* name, std::optional<double>& value);
  void operator()(const char* name, DType& value);                // "float32"; None: not given
  void operator()(const char* name, Int1& value);                 // [3]
  void operator()(const char* name, Int2& value);                 // [3, 5]
  void operator()(const char* name, Int3& value);                 // [2, 3, 5]
  void operator()(const char* name, std::optional<Int2>& value);  // [3, 5], or None
  void operator()(const char* name, std::optional<Int3>& value);
  void operator()(const char* name, Padding& value);                 // "valid", "same", "causal"
  void operator()(const char* name, DataFormat& value);              // "channels_last"
  void operator()(const char* name, LayerName& value);               // None: not given
  void operator()(const char* name, Training& value);                // a bool
  void operator()(const char* name, Activation& value);              // "relu", or an object
  void operator()(const char* name, Initializer& value);             // an object, or None
  void operator()(const char* name, Regularizer& value);             // an object, or None
  void operator()(const char* name, Constraint& value);              // an object, or None
  void operator()(const char* name, std::shared_ptr<Layer>& value);  // a wrapped layer
  void operator()(const char* name, std::vector<std::shared_ptr<Layer>>& value);
  // A value of an enum by its name in the table.
  template <typename E>
  void Choice(const char* name, E& value, std::initializer_list<std::pair<const char*, E>> table) {
    std::vector<std::string> names;
    int64_t chosen = -1;
    for (const auto& [text, one] : table) {
      if (one == value) chosen = static_cast<int64_t>(names.size());
      names.push_back(text);
    }
    ChoiceOf(name, names, &chosen);
    if (chosen >= 0) value = (table.begin() + chosen)->second;
  }

  // The first thing that could not be written or read.
  const absl::Status& status() const { return status_; }

 protected:
  // Writes or reads one field. Reading leaves the value alone when the field is absent.
  virtual void Visit(const char* name, ConfigValue& value) = 0;
  virtual bool reading() const = 0;
  void Fail(const char* name, const std::string& why);
  absl::Status status_;

 private:
  template <typename T, typename Stored>
  void Plain(const char* name, T& value);
  template <typename T>
  void Optional(const char* name, std::optional<T>& value);
  template <typename Window>
  void OptionalWindow(const char* name, std::optional<Window>& value);
  void Ints(const char* name, std::vector<int64_t>& value, size_t count);
  void ChoiceOf(const char* name, const std::vector<std::string>& names, int64_t* chosen);
  template <typename T>
  void Object(const char* name, T& value, const char* what,
              absl::StatusOr<T> (*from)(const Config&));
};

// The Config of `args`, whose Fields() tells its fields. InvalidArgument for a field that holds a
// function of the program's own, which no file can hold.
template <typename Args>
absl::StatusOr<Config> WriteConfig(std::string class_name, const Args& args);
// Reads `config` into `args`. InvalidArgument for a field of another kind or a name that Fields()
// does not know ("Keyword argument not understood").
template <typename Args>
absl::Status ReadConfig(const Config& config, Args* args);

// --- the two visitors behind them ---
class ConfigWriter : public ConfigFields {
 public:
  explicit ConfigWriter(Config* config) : config_(config) {}

 protected:
  void Visit(const char* name, ConfigValue& value) override { config_->fields[name] = value; }
  bool reading() const override { return false; }

 private:
  Config* config_;
};
class ConfigReader : public ConfigFields {
 public:
  explicit ConfigReader(const Config& config) : config_(config) {}
  absl::Status Finish();  // status(), or the fields that nobody asked for

 protected:
  void Visit(const char* name, ConfigValue& value) override;
  bool reading() const override { return true; }

 private:
  const Config& config_;
  std::set<std::string> known_;
};

template <typename Args>
absl::StatusOr<Config> WriteConfig(std::string class_name, const Args& args) {
  Config config{std::move(class_name)};
  ConfigWriter writer(&config);
  Args copy = args;
  copy.Fields(writer);
  if (!writer.status().ok()) return writer.status();
  return config;
}
template <typename Args>
absl::Status ReadConfig(const Config& config, Args* args) {
  ConfigReader reader(config);
  args->Fields(reader);
  return reader.Finish();
}
// For arguments of which none can be a function: the Config itself.
template <typename Args>
Config ConfigOf(std::string class_name, const Args& args) {
  return *WriteConfig(std::move(class_name), args);
}

// --- objects from their configs; InvalidArgument for a class that is not known ---
absl::StatusOr<Initializer> InitializerFromConfig(const Config& config);       // initializers.cc
absl::StatusOr<Regularizer> RegularizerFromConfig(const Config& config);       // regularizers.cc
absl::StatusOr<Constraint> ConstraintFromConfig(const Config& config);         // constraints.cc
absl::StatusOr<Activation> ActivationFromConfig(const Config& config);         // activation.cc
absl::StatusOr<std::shared_ptr<Layer>> LayerFromConfig(const Config& config);  // all_layers.cc

// --- as protobuf messages, for files ---
proto::ObjectConfig ConfigToProto(const Config& config);
Config ConfigFromProto(const proto::ObjectConfig& message);

}  // namespace layers
}  // namespace sluice

#endif  // SLUICE_LAYERS_CONFIG_H_
