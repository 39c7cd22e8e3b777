#include "layers/config.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "layers/activation.h"
#include "layers/layer.h"

namespace sluice::layers {

void ConfigFields::Fail(const char* name, const std::string& why) {
  status_.Update(absl::InvalidArgumentError(absl::StrCat("argument `", name, "`: ", why)));
}

// A value that is stored as a T of ConfigValue.
template <typename T, typename Stored>
void ConfigFields::Plain(const char* name, T& value) {
  ConfigValue stored = static_cast<Stored>(value);
  Visit(name, stored);
  if (!reading()) return;
  if (const auto* exact = std::get_if<Stored>(&stored)) {
    value = static_cast<T>(*exact);
  } else if constexpr (std::is_same_v<Stored, double>) {
    if (const auto* whole = std::get_if<int64_t>(&stored)) {
      value = static_cast<T>(*whole);
    } else {
      Fail(name, "expected a number");
    }
  } else {
    Fail(name, std::is_same_v<Stored, bool>      ? "expected true or false"
               : std::is_same_v<Stored, int64_t> ? "expected an integer"
                                                 : "expected a string");
  }
}

template <typename T>
void ConfigFields::Optional(const char* name, std::optional<T>& value) {
  ConfigValue stored;
  if (value.has_value()) stored = *value;
  Visit(name, stored);
  if (!reading()) return;
  value.reset();
  if (const auto* given = std::get_if<T>(&stored)) {
    value = *given;
  } else if (stored.index() != 0) {
    Fail(name, "expected a value of its kind or None");
  }
}

void ConfigFields::operator()(const char* name, bool& value) { Plain<bool, bool>(name, value); }
void ConfigFields::operator()(const char* name, int64_t& value) {
  Plain<int64_t, int64_t>(name, value);
}
void ConfigFields::operator()(const char* name, float& value) { Plain<float, double>(name, value); }
void ConfigFields::operator()(const char* name, double& value) {
  Plain<double, double>(name, value);
}
void ConfigFields::operator()(const char* name, std::string& value) {
  Plain<std::string, std::string>(name, value);
}
void ConfigFields::operator()(const char* name, std::optional<bool>& value) {
  Optional(name, value);
}
void ConfigFields::operator()(const char* name, std::optional<int64_t>& value) {
  Optional(name, value);
}
void ConfigFields::operator()(const char* name, std::optional<double>& value) {
  Optional(name, value);
}

// `count` integers, or one that stands for all; 0: any number of them.
void ConfigFields::Ints(const char* name, std::vector<int64_t>& value, size_t count) {
  ConfigValue stored = value;
  Visit(name, stored);
  if (!reading()) return;
  if (const auto* one = std::get_if<int64_t>(&stored)) {
    value.assign(std::max<size_t>(count, 1), *one);
  } else if (const auto* list = std::get_if<std::vector<int64_t>>(&stored)) {
    value = *list;
  } else {
    Fail(name, "expected integers");
    return;
  }
  if (count == 0 || value.size() == count) return;
  Fail(name, absl::StrCat("The `", name, "` argument must be a tuple of ", count,
                          " integers. Received: (", absl::StrJoin(value, ", "), ")"));
  value.resize(count);
}

void ConfigFields::operator()(const char* name, std::vector<int64_t>& value) {
  Ints(name, value, 0);
}
void ConfigFields::operator()(const char* name, Int1& value) {
  std::vector<int64_t> ints = {value.length};
  Ints(name, ints, 1);
  value = ints[0];
}
void ConfigFields::operator()(const char* name, Int2& value) {
  std::vector<int64_t> ints = {value.height, value.width};
  Ints(name, ints, 2);
  value = {ints[0], ints[1]};
}
void ConfigFields::operator()(const char* name, Int3& value) {
  std::vector<int64_t> ints = {value.depth, value.height, value.width};
  Ints(name, ints, 3);
  value = {ints[0], ints[1], ints[2]};
}

template <typename Window>
void ConfigFields::OptionalWindow(const char* name, std::optional<Window>& value) {
  ConfigValue stored;
  if (value.has_value()) stored = SizesOf(*value);
  Visit(name, stored);
  if (!reading()) return;
  if (stored.index() == 0) {
    value.reset();
    return;
  }
  Window window = value.value_or(Window(0));
  (*this)(name, window);
  value = window;
}
void ConfigFields::operator()(const char* name, std::optional<Int2>& value) {
  OptionalWindow(name, value);
}
void ConfigFields::operator()(const char* name, std::optional<Int3>& value) {
  OptionalWindow(name, value);
}

void ConfigFields::operator()(const char* name, std::vector<double>& value) {
  ConfigValue stored = value;
  Visit(name, stored);
  if (!reading()) return;
  if (const auto* list = std::get_if<std::vector<double>>(&stored)) {
    value = *list;
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&stored)) {
    value.assign(ints->begin(), ints->end());
  } else {
    Fail(name, "expected numbers");
  }
}

void ConfigFields::operator()(const char* name, DType& value) {
  ConfigValue stored;
  if (value != DType::kInvalid) stored = std::string(DTypeName(value));
  Visit(name, stored);
  if (!reading()) return;
  value = DType::kInvalid;
  const auto* text = std::get_if<std::string>(&stored);
  if (text == nullptr) {
    if (stored.index() != 0) Fail(name, "expected the name of a dtype");
    return;
  }
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16,
                            DType::kInt32, DType::kInt64}) {
    if (DTypeName(dtype) == *text) value = dtype;
  }
  if (value == DType::kInvalid) Fail(name, absl::StrCat("unknown dtype ", *text));
}

// The chosen name's index; case does not matter (rules CV-11, CV-12).
void ConfigFields::ChoiceOf(const char* name, const std::vector<std::string>& names,
                            int64_t* chosen) {
  ConfigValue stored = *chosen < 0 ? std::string("?") : names[*chosen];
  if (!reading() && *chosen < 0) Fail(name, "is none of its values");
  Visit(name, stored);
  if (!reading()) return;
  const auto* text = std::get_if<std::string>(&stored);
  for (size_t i = 0; text != nullptr && i < names.size(); ++i) {
    if (absl::AsciiStrToLower(*text) == names[i]) {
      *chosen = static_cast<int64_t>(i);
      return;
    }
  }
  Fail(name,
       absl::StrCat("The `", name, "` argument must be one of \"", absl::StrJoin(names, "\", \""),
                    "\". Received: ", text == nullptr ? "no string" : *text));
}

void ConfigFields::operator()(const char* name, Padding& value) {
  Choice(name, value,
         {{"valid", Padding::kValid}, {"same", Padding::kSame}, {"causal", Padding::kCausal}});
}
void ConfigFields::operator()(const char* name, DataFormat& value) {
  Choice(name, value,
         {{"channels_last", DataFormat::kChannelsLast},
          {"channels_first", DataFormat::kChannelsFirst}});
}

void ConfigFields::operator()(const char* name, LayerName& value) {
  ConfigValue stored;
  if (!value.empty()) stored = value.text();
  Visit(name, stored);
  if (!reading()) return;
  const auto* text = std::get_if<std::string>(&stored);
  value = text == nullptr ? LayerName() : LayerName(*text);
  if (text == nullptr && stored.index() != 0) Fail(name, "expected a string");
}

void ConfigFields::operator()(const char* name, Training& value) {
  const std::optional<bool> known = value.Known();
  if (!known.has_value()) {
    Fail(name, "is a tensor, which belongs to its graph");
    return;
  }
  bool fixed = *known;
  (*this)(name, fixed);
  if (reading()) value = fixed;
}

// An object that carries its config, or none.
template <typename T>
void ConfigFields::Object(const char* name, T& value, const char* what,
                          absl::StatusOr<T> (*from)(const Config&)) {
  ConfigValue stored;
  if (value) {
    if (value.config() == nullptr) {
      Fail(name, absl::StrCat("is a function or value of the program's own; only ", what,
                              " of the library have a config"));
    }
    stored = value.config();
  }
  Visit(name, stored);
  if (!reading()) return;
  value = T();
  if (stored.index() == 0) return;
  Config config;
  if (const auto* class_name = std::get_if<std::string>(&stored)) {
    config.class_name = *class_name;
  } else if (const auto* object = std::get_if<std::shared_ptr<const Config>>(&stored)) {
    config = **object;
  } else {
    Fail(name, "expected an object");
    return;
  }
  absl::StatusOr<T> made = from(config);
  if (!made.ok()) {
    Fail(name, std::string(made.status().message()));
    return;
  }
  value = *std::move(made);
}

void ConfigFields::operator()(const char* name, Initializer& value) {
  Object<Initializer>(name, value, "initializers", InitializerFromConfig);
}
void ConfigFields::operator()(const char* name, Regularizer& value) {
  Object<Regularizer>(name, value, "regularizers", RegularizerFromConfig);
}
void ConfigFields::operator()(const char* name, Constraint& value) {
  Object<Constraint>(name, value, "constraints", ConstraintFromConfig);
}
void ConfigFields::operator()(const char* name, Activation& value) {
  Object<Activation>(name, value, "activations", ActivationFromConfig);
}

void ConfigFields::operator()(const char* name, std::shared_ptr<Layer>& value) {
  std::vector<std::shared_ptr<Layer>> list;
  if (value != nullptr) list.push_back(value);
  (*this)(name, list);
  if (!reading()) return;
  if (list.size() > 1) Fail(name, "expected one layer");
  value = list.empty() ? nullptr : list[0];
}

void ConfigFields::operator()(const char* name, std::vector<std::shared_ptr<Layer>>& value) {
  std::vector<Config> configs;
  for (const std::shared_ptr<Layer>& layer : value) {
    if (reading()) break;
    absl::StatusOr<Config> config = layer->ToConfig();
    if (!config.ok()) {
      Fail(name, std::string(config.status().message()));
      return;
    }
    configs.push_back(*std::move(config));
  }
  ConfigValue stored = std::move(configs);
  Visit(name, stored);
  if (!reading()) return;
  value.clear();
  const auto* list = std::get_if<std::vector<Config>>(&stored);
  if (list == nullptr) {
    Fail(name, "expected layers");
    return;
  }
  for (const Config& config : *list) {
    absl::StatusOr<std::shared_ptr<Layer>> layer = LayerFromConfig(config);
    if (layer.ok()) {
      value.push_back(*std::move(layer));
    } else {
      Fail(name, std::string(layer.status().message()));
    }
  }
}

void ConfigReader::Visit(const char* name, ConfigValue& value) {
  known_.insert(name);
  const auto found = config_.fields.find(name);
  if (found != config_.fields.end()) value = found->second;
}

absl::Status ConfigReader::Finish() {
  for (const auto& [name, value] : config_.fields) {
    if (known_.count(name) == 0) {
      status_.Update(
          absl::InvalidArgumentError(absl::StrCat("Keyword argument not understood: ", name)));
    }
  }
  if (status_.ok()) return status_;
  return absl::Status(status_.code(), absl::StrCat(config_.class_name, ": ", status_.message()));
}

}  // namespace sluice::layers
