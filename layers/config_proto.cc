// Config as a protobuf message (proto/config.proto).
#include "layers/config.h"
#include "proto/config.pb.h"

namespace sluice::layers {
namespace {

struct ToProto {
  proto::ConfigValue* out;
  void operator()(std::monostate) const {}
  void operator()(bool b) const { out->set_b(b); }
  void operator()(int64_t i) const { out->set_i(i); }
  void operator()(double f) const { out->set_f(f); }
  void operator()(const std::string& s) const { out->set_s(s); }
  void operator()(const std::vector<int64_t>& list) const {
    out->mutable_ints()->mutable_value()->Assign(list.begin(), list.end());
  }
  void operator()(const std::vector<double>& list) const {
    out->mutable_doubles()->mutable_value()->Assign(list.begin(), list.end());
  }
  void operator()(const std::vector<std::string>& list) const {
    auto* strings = out->mutable_strings();
    for (const std::string& s : list) strings->add_value(s);
  }
  void operator()(const std::shared_ptr<const Config>& object) const {
    if (object != nullptr) *out->mutable_object() = ConfigToProto(*object);
  }
  void operator()(const std::vector<Config>& objects) const {
    auto* list = out->mutable_objects();
    for (const Config& object : objects) *list->add_value() = ConfigToProto(object);
  }
};

ConfigValue FromProto(const proto::ConfigValue& value) {
  switch (value.kind_case()) {
    case proto::ConfigValue::kB:
      return value.b();
    case proto::ConfigValue::kI:
      return int64_t{value.i()};
    case proto::ConfigValue::kF:
      return value.f();
    case proto::ConfigValue::kS:
      return value.s();
    case proto::ConfigValue::kInts:
      return std::vector<int64_t>(value.ints().value().begin(), value.ints().value().end());
    case proto::ConfigValue::kDoubles:
      return std::vector<double>(value.doubles().value().begin(), value.doubles().value().end());
    case proto::ConfigValue::kStrings:
      return std::vector<std::string>(value.strings().value().begin(),
                                      value.strings().value().end());
    case proto::ConfigValue::kObject:
      return std::make_shared<const Config>(ConfigFromProto(value.object()));
    case proto::ConfigValue::kObjects: {
      std::vector<Config> list;
      for (const proto::ObjectConfig& one : value.objects().value())
        list.push_back(ConfigFromProto(one));
      return list;
    }
    case proto::ConfigValue::KIND_NOT_SET:
      break;
  }
  return std::monostate();
}

}  // namespace

proto::ObjectConfig ConfigToProto(const Config& config) {
  proto::ObjectConfig message;
  message.set_class_name(config.class_name);
  for (const auto& [name, value] : config.fields)
    std::visit(ToProto{&(*message.mutable_config())[name]}, value);
  return message;
}

// A message from a file cannot nest deeper than protobuf's parser allows (100), so that the
// recursion is bounded.
Config ConfigFromProto(const proto::ObjectConfig& message) {
  Config config{message.class_name()};
  for (const auto& [name, value] : message.config()) config.fields[name] = FromProto(value);
  return config;
}

}  // namespace sluice::layers
