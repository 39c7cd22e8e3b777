#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "io/coding.h"
#include "io/safetensors.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr int64_t kChunkBytes = int64_t{1} << 20;
constexpr int64_t kLengthBytes = 8;
constexpr char kMetadata[] = "__metadata__";

// What the header says about one tensor.
struct Described {
  std::optional<std::string> dtype;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<int64_t>> offsets;
};
struct Header {
  std::map<std::string, Described> tensors;
  std::map<std::string, std::string> metadata;
  bool has_metadata = false;
};

// Takes the header's JSON as events, so that nothing is built that does not belong there and no key
// is silently taken twice. Each handler returns whether to go on.
class HeaderParser : public json::json_sax_t {
 public:
  explicit HeaderParser(Header* header) : header_(*header) {}
  const std::string& error() const { return error_; }

  bool null() override { return Scalar("null"); }
  bool boolean(bool) override { return Scalar("true or false"); }
  bool number_integer(number_integer_t) override { return Scalar("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return Scalar("a number that is no size");
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (numbers_ == nullptr) return Scalar("a number");
    if (value > static_cast<uint64_t>(INT64_MAX) || numbers_->size() > kMaxRank)
      return Fail(absl::StrCat(value, " is too large, or the list too long"));
    numbers_->push_back(static_cast<int64_t>(value));
    return true;
  }
  bool string(string_t& value) override {
    if (skipping_ > 0 || (state_ == State::kTensor && field_ == Field::kOther)) return true;
    if (state_ == State::kMetadata) {
      return header_.metadata.emplace(key_, value).second || Twice();
    }
    if (state_ != State::kTensor || field_ != Field::kDType) return Scalar("a string");
    tensor_->dtype = value;
    return true;
  }
  bool binary(binary_t&) override { return Fail("binary data"); }

  bool start_object(size_t) override {
    if (Skips()) return ++skipping_ > 0;
    if (state_ == State::kStart) return Enter(State::kTop);
    if (state_ != State::kTop) return Fail("an object where none is due");
    if (key_ == kMetadata) {
      if (std::exchange(header_.has_metadata, true)) return Twice();
      return Enter(State::kMetadata);
    }
    const auto [place, added] = header_.tensors.try_emplace(key_);
    if (!added) return Twice();
    name_ = key_;
    tensor_ = &place->second;
    return Enter(State::kTensor);
  }
  bool key(string_t& key) override {
    if (skipping_ > 0) return true;
    key_ = key;
    if (state_ != State::kTensor) return true;
    field_ = key == "dtype"          ? Field::kDType
             : key == "shape"        ? Field::kShape
             : key == "data_offsets" ? Field::kOffsets
                                     : Field::kOther;
    const bool seen = (field_ == Field::kDType && tensor_->dtype) ||
                      (field_ == Field::kShape && tensor_->shape) ||
                      (field_ == Field::kOffsets && tensor_->offsets);
    return !seen || Twice();
  }
  bool end_object() override {
    if (skipping_ > 0) return --skipping_ >= 0;
    return Enter(state_ == State::kTop ? State::kStart : State::kTop);
  }
  bool start_array(size_t) override {
    if (Skips()) return ++skipping_ > 0;
    if (state_ != State::kTensor || field_ == Field::kDType || numbers_ != nullptr)
      return Fail("a list where none is due");
    numbers_ = &(field_ == Field::kShape ? tensor_->shape : tensor_->offsets).emplace();
    return true;
  }
  bool end_array() override {
    if (skipping_ > 0) return --skipping_ >= 0;
    numbers_ = nullptr;
    return true;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Fail(absl::StrCat("no JSON at byte ", position));
  }

 private:
  enum class State { kStart, kTop, kMetadata, kTensor };
  enum class Field { kOther, kDType, kShape, kOffsets };

  bool Enter(State state) {
    state_ = state;
    return true;
  }
  // Inside something that the format does not know.
  bool Skips() const {
    return skipping_ > 0 || (state_ == State::kTensor && field_ == Field::kOther);
  }
  bool Scalar(absl::string_view what) {
    return Skips() || Fail(absl::StrCat(what, " where none is due"));
  }
  bool Twice() { return Fail(absl::StrCat("'", Printable(key_), "' is given twice")); }
  bool Fail(absl::string_view what) {
    const bool in_tensor = state_ == State::kTensor;
    error_ = absl::StrCat(in_tensor ? absl::StrCat("tensor '", Printable(name_), "': ") : "",
                          "malformed header: ", what);
    return false;
  }

  Header& header_;
  State state_ = State::kStart;
  Field field_ = Field::kOther;
  std::string key_;   // the last one
  std::string name_;  // of *tensor_
  Described* tensor_ = nullptr;
  std::vector<int64_t>* numbers_ = nullptr;  // the list that is open
  int skipping_ = 0;                         // objects and lists that are open in an unknown field
  std::string error_;
};

absl::StatusOr<Header> ParseHeader(const std::string& text) {
  // The reference wants this first, so that no other JSON begins with white space by chance.
  if (text.empty() || text[0] != '{')
    return absl::InvalidArgumentError("malformed header: it does not begin with '{'");
  Header header;
  HeaderParser parser(&header);
  if (!json::sax_parse(text, &parser)) return absl::InvalidArgumentError(parser.error());
  return header;
}

// A tensor's place among the bytes after the header.
struct Place {
  int64_t begin = 0, end = 0;
  BundleTensor tensor;
};

absl::StatusOr<Place> CheckTensor(const std::string& name, const Described& described) {
  if (!described.dtype || !described.shape || !described.offsets) {
    return absl::InvalidArgumentError("it needs the fields dtype, shape and data_offsets");
  }
  SLUICE_ASSIGN_OR_RETURN(const DType dtype, ParseSafetensorsDType(*described.dtype));
  const TensorShape shape{absl::Span<const int64_t>(*described.shape)};
  SLUICE_RETURN_IF_ERROR(shape.Check());
  const std::vector<int64_t>& offsets = *described.offsets;
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    return absl::InvalidArgumentError("data_offsets are not a beginning and an end");
  const int64_t bytes = shape.num_elements() * static_cast<int64_t>(SizeOf(dtype));
  if (offsets[1] - offsets[0] == bytes)
    return Place{offsets[0], offsets[1], {name, dtype, shape, {}}};
  return absl::InvalidArgumentError(absl::StrCat(DTypeName(dtype), shape.ToString(), " takes ",
                                                 bytes, " bytes, data_offsets ", offsets[0], " to ",
                                                 offsets[1], " hold ", offsets[1] - offsets[0]));
}

// The tensors in the order of their bytes, which must fill `size` exactly.
absl::StatusOr<std::vector<Place>> CheckPlaces(const Header& header, int64_t size) {
  std::vector<Place> places;
  const auto about = [](absl::string_view name, const absl::Status& status) {
    return Annotate(status, absl::StrCat("tensor '", Printable(name), "'"));
  };
  for (const auto& [name, described] : header.tensors) {
    auto place = CheckTensor(name, described);
    if (!place.ok()) return about(name, place.status());
    places.push_back(*std::move(place));
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  int64_t filled = 0;
  for (const Place& place : places) {
    if (place.begin != filled) {
      return about(place.tensor.name,
                   absl::InvalidArgumentError(absl::StrCat(
                       "it begins at ", place.begin, " of the data, where ", filled,
                       " is due: ", place.begin < filled ? "tensors overlap" : "there is a hole")));
    }
    filled = place.end;
  }
  if (filled == size) return places;
  return absl::InvalidArgumentError(
      absl::StrCat("the tensors take ", filled, " bytes, the file has ", size, " for them"));
}

}  // namespace

absl::Status SafetensorsReader::ReadHeader() {
  char length_bytes[kLengthBytes];
  if (file_->size() < kLengthBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a safetensors file: it has ", file_->size(), " bytes"));
  }
  SLUICE_RETURN_IF_ERROR(file_->Read(0, kLengthBytes, length_bytes));
  const uint64_t length = DecodeFixed64(length_bytes);
  const int64_t rest = file_->size() - kLengthBytes;
  if (length > static_cast<uint64_t>(std::min(rest, kMaxSafetensorsHeaderBytes))) {
    return absl::InvalidArgumentError(absl::StrCat("not a safetensors file: it claims a header of ",
                                                   length, " bytes, ", "the rest of the file has ",
                                                   rest, ", the limit is 100 MB"));
  }
  std::string text(length, '\0');
  const auto header_bytes = static_cast<int64_t>(length);
  SLUICE_RETURN_IF_ERROR(file_->Read(kLengthBytes, header_bytes, text.data()));
  SLUICE_ASSIGN_OR_RETURN(Header header, ParseHeader(text));
  SLUICE_ASSIGN_OR_RETURN(std::vector<Place> places, CheckPlaces(header, rest - header_bytes));
  for (Place& place : places) {
    offsets_[place.tensor.name] = kLengthBytes + header_bytes + place.begin;
    entries_.push_back(std::move(place.tensor));
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const BundleTensor& a, const BundleTensor& b) { return a.name < b.name; });
  metadata_ = std::move(header.metadata);
  return absl::OkStatus();
}

absl::StatusOr<SafetensorsReader> SafetensorsReader::Open(FileSystem& fs, const std::string& path) {
  SafetensorsReader reader;
  reader.path_ = path;
  SLUICE_ASSIGN_OR_RETURN(reader.file_, fs.Open(path));
  SLUICE_RETURN_IF_ERROR(Annotate(reader.ReadHeader(), absl::CHexEscape(path)));
  return reader;
}

absl::StatusOr<Tensor> SafetensorsReader::Lookup(
    absl::string_view name, const std::shared_ptr<MemoryBudget>& budget) const {
  const auto offset = offsets_.find(name);
  if (offset == offsets_.end()) {
    return absl::NotFoundError(
        absl::StrCat(absl::CHexEscape(path_), " has no tensor '", Printable(name), "'"));
  }
  const auto entry = std::lower_bound(
      entries_.begin(), entries_.end(), name,
      [](const BundleTensor& tensor, absl::string_view n) { return tensor.name < n; });
  const auto context = absl::StrCat(absl::CHexEscape(path_), ", tensor '", Printable(name), "'");
  absl::StatusOr<Tensor> tensor = Tensor::Make(entry->dtype, entry->shape, budget);
  if (!tensor.ok()) return Annotate(tensor.status(), context);
  if (tensor->byte_size() == 0) return tensor;
  char* bytes = static_cast<char*>(tensor->mutable_raw());
  SLUICE_RETURN_IF_ERROR(
      Annotate(file_->Read(offset->second, tensor->byte_size(), bytes), context));
  if (tensor->dtype() == DType::kBool) {
    for (int64_t i = 0; i < tensor->byte_size(); ++i) bytes[i] = bytes[i] != 0;
  }
  return tensor;
}

absl::Status SafetensorsReader::VerifyAll() const {
  std::string chunk;
  for (int64_t at = 0; at < file_->size(); at += static_cast<int64_t>(chunk.size())) {
    chunk.resize(static_cast<size_t>(std::min(file_->size() - at, kChunkBytes)));
    SLUICE_RETURN_IF_ERROR(
        Annotate(file_->Read(at, static_cast<int64_t>(chunk.size()), chunk.data()),
                 absl::CHexEscape(path_)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, Tensor>> ReadSafetensors(
    FileSystem& fs, const std::string& path, const std::shared_ptr<MemoryBudget>& budget) {
  SLUICE_ASSIGN_OR_RETURN(const SafetensorsReader reader, SafetensorsReader::Open(fs, path));
  std::map<std::string, Tensor> tensors;
  for (const BundleTensor& entry : reader.entries()) {
    SLUICE_ASSIGN_OR_RETURN(tensors[entry.name], reader.Lookup(entry.name, budget));
  }
  return tensors;
}

}  // namespace sluice
