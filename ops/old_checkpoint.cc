#include "ops/old_checkpoint.h"

#include <algorithm>
#include <complex>
#include <utility>

#include "core/status.h"
#include "graph/tensor_proto.h"
#include "io/sorted_table.h"
#include "ops/path_pattern.h"
#include "proto/saved_tensor_slice.pb.h"

namespace sluice::ops {
namespace {

constexpr int kVersion = 1;  // of the format

absl::Status Damaged(absl::string_view what, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("old checkpoint, ", Printable(what), ": ", why));
}

TensorSlice SliceFrom(const proto::TensorSliceProto& in) {
  TensorSlice slice;
  for (const auto& extent : in.extent()) {
    const bool has_length = extent.has_length_case() == proto::TensorSliceProto::Extent::kLength;
    slice.extents.push_back({extent.start(), has_length ? extent.length() : -1});
  }
  return slice;
}

void SliceTo(const TensorSlice& slice, proto::TensorSliceProto* out) {
  for (const SliceExtent& extent : slice.extents) {
    proto::TensorSliceProto::Extent* to = out->add_extent();
    if (extent.full()) continue;
    to->set_start(extent.start);
    to->set_length(extent.length);
  }
}

// How many elements the lists of `in` hold; -1 when raw bytes or a dtype of another kind say it.
int64_t ListedElements(const proto::TensorProto& in, DType dtype) {
  if (!in.tensor_content().empty()) return -1;
  switch (dtype) {
    case DType::kFloat:
      return in.float_val_size();
    case DType::kDouble:
      return in.double_val_size();
    case DType::kInt64:
      return in.int64_val_size();
    case DType::kBool:
      return in.bool_val_size();
    case DType::kString:
      return in.string_val_size();
    case DType::kComplex64:
      return in.scomplex_val_size() / 2;
    case DType::kComplex128:
      return in.dcomplex_val_size() / 2;
    case DType::kHalf:
    case DType::kBfloat16:
      return in.half_val_size();
    case DType::kUint32:
      return in.uint32_val_size();
    case DType::kUint64:
      return in.uint64_val_size();
    default:
      return in.int_val_size();
  }
}

// Every element in the list of its dtype: TensorFlow's reader looks nowhere else.
absl::Status ListElements(const Tensor& tensor, proto::TensorProto* out) {
  if (tensor.dtype() == DType::kString) return ToProto(tensor, out);
  out->set_dtype(static_cast<proto::DataType>(tensor.dtype()));
  const auto each = [&](auto tag, const auto& add) {
    for (const auto& value : tensor.flat<typename decltype(tag)::type>()) add(value);
    return absl::OkStatus();
  };
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                  uint64_t, bool, Half, BFloat16, std::complex<float>, std::complex<double>>(
      tensor.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        return each(tag, [&](const T& value) {
          if constexpr (std::is_same_v<T, float>) {
            out->add_float_val(value);
          } else if constexpr (std::is_same_v<T, double>) {
            out->add_double_val(value);
          } else if constexpr (std::is_same_v<T, int64_t>) {
            out->add_int64_val(value);
          } else if constexpr (std::is_same_v<T, uint32_t>) {
            out->add_uint32_val(value);
          } else if constexpr (std::is_same_v<T, uint64_t>) {
            out->add_uint64_val(value);
          } else if constexpr (std::is_same_v<T, bool>) {
            out->add_bool_val(value);
          } else if constexpr (std::is_integral_v<T>) {
            out->add_int_val(value);
          } else if constexpr (std::is_same_v<T, std::complex<float>>) {
            out->add_scomplex_val(value.real());
            out->add_scomplex_val(value.imag());
          } else if constexpr (std::is_same_v<T, std::complex<double>>) {
            out->add_dcomplex_val(value.real());
            out->add_dcomplex_val(value.imag());
          } else {
            out->add_half_val(value.bits);
          }
        });
      });
}

}  // namespace

absl::StatusOr<OldCheckpointReader> OldCheckpointReader::Open(FileSystem& fs,
                                                              const std::string& pattern) {
  const std::vector<std::string> paths = MatchPaths(fs, pattern);
  if (paths.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "Unsuccessful TensorSliceReader constructor: Failed to find any matching files for ",
        Printable(pattern)));
  }
  OldCheckpointReader reader;
  for (const std::string& path : paths) SLUICE_RETURN_IF_ERROR(reader.AddFile(fs, path));
  return reader;
}

absl::Status OldCheckpointReader::AddFile(FileSystem& fs, const std::string& path) {
  SLUICE_ASSIGN_OR_RETURN(std::vector<TableEntry> table, ReadSortedTable(fs, path));
  proto::SavedTensorSlices head;
  if (table.empty() || !table[0].first.empty() || !head.ParseFromString(table[0].second)) {
    return Damaged(path, "no list of tensors");
  }
  if (head.meta().versions().min_consumer() > kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("checkpoint ", Printable(path),
                                                      " needs a reader of version ",
                                                      head.meta().versions().min_consumer()));
  }
  for (const proto::SavedSliceMeta& meta : head.meta().tensor()) {
    const absl::StatusOr<TensorShape> shape = ShapeFromProto(meta.shape());
    if (!shape.ok() || !shape->fully_defined() || !shape->Check().ok()) {
      return Damaged(meta.name(), "no shape of a tensor");
    }
    const auto dtype = static_cast<DType>(meta.type());
    const auto [found, added] = entries_.try_emplace(meta.name(), Entry{dtype, *shape, {}});
    Entry& entry = found->second;
    if (entry.dtype != dtype || entry.shape != *shape) {
      return Damaged(meta.name(), "its parts do not agree about dtype and shape");
    }
    for (const auto& slice : meta.slice()) {
      entry.slices.push_back(SliceFrom(slice));
      if (!entry.slices.back().ShapeWithin(entry.shape).ok()) {
        return Damaged(meta.name(), "a part lies outside");
      }
    }
  }
  for (size_t i = 1; i < table.size(); ++i) data_.insert(std::move(table[i]));
  return absl::OkStatus();
}

const OldCheckpointReader::Entry* OldCheckpointReader::Find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

absl::StatusOr<Tensor> OldCheckpointReader::ReadSlice(
    const std::string& name, const Entry& entry, const TensorSlice& slice,
    const std::shared_ptr<MemoryBudget>& budget) const {
  const auto found = data_.find(SliceKey(name, slice));
  proto::SavedTensorSlices record;
  if (found == data_.end() || !record.ParseFromString(found->second)) {
    return Damaged(name, "a part is missing");
  }
  proto::TensorProto& values = *record.mutable_data()->mutable_data();
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, slice.ShapeWithin(entry.shape));
  const int64_t listed = ListedElements(values, entry.dtype);
  if (listed >= 0 && listed != shape.num_elements()) {
    return Damaged(name,
                   absl::StrCat("a part of shape ", shape.ToString(), " has ", listed, " values"));
  }
  values.set_dtype(static_cast<proto::DataType>(entry.dtype));
  values.clear_tensor_shape();
  ToProto(shape, values.mutable_tensor_shape());
  absl::StatusOr<Tensor> tensor = TensorFromProto(values, budget);
  if (absl::IsInvalidArgument(tensor.status())) return Damaged(name, tensor.status().message());
  return tensor;
}

absl::StatusOr<Tensor> OldCheckpointReader::Lookup(
    const std::string& name, const std::shared_ptr<MemoryBudget>& budget) const {
  const Entry* entry = Find(name);
  if (entry == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("Tensor name \"", Printable(name), "\" not found in checkpoint files"));
  }
  if (entry->slices.size() == 1 && entry->slices[0].full()) {
    return ReadSlice(name, *entry, entry->slices[0], budget);
  }
  // The parts come first: each has as many values as its shape says, so that a file which claims a
  // large tensor has to hold one.
  std::vector<Tensor> parts;
  int64_t covered = 0;
  for (const TensorSlice& slice : entry->slices) {
    SLUICE_ASSIGN_OR_RETURN(Tensor part, ReadSlice(name, *entry, slice, budget));
    covered += part.num_elements();
    parts.push_back(std::move(part));
    if (covered > entry->shape.num_elements()) break;
  }
  if (covered != entry->shape.num_elements()) {
    return Damaged(name, "its parts do not make up the tensor");
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor whole, Tensor::Make(entry->dtype, entry->shape, budget));
  SLUICE_ASSIGN_OR_RETURN(Tensor seen, Tensor::Make(DType::kUint8, entry->shape, budget));
  std::ranges::fill(seen.mutable_flat<uint8_t>(), uint8_t{0});
  for (size_t i = 0; i < parts.size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(Tensor ones, Tensor::Make(DType::kUint8, parts[i].shape(), budget));
    std::ranges::fill(ones.mutable_flat<uint8_t>(), uint8_t{1});
    CopySliceIn(ones, entry->slices[i], seen);
    CopySliceIn(parts[i], entry->slices[i], whole);
  }
  // As many elements as the tensor has: when each was seen, none was seen twice.
  const absl::Span<const uint8_t> flags = seen.flat<uint8_t>();
  if (std::find(flags.begin(), flags.end(), uint8_t{0}) != flags.end()) {
    return Damaged(name, "its parts overlap and leave elements out");
  }
  return whole;
}

absl::StatusOr<Tensor> OldCheckpointReader::Restore(
    const std::string& files, const std::string& name, const std::string& slice, DType dtype,
    const std::shared_ptr<MemoryBudget>& budget) const {
  const Entry* entry = Find(name);
  if (entry == nullptr) {
    return absl::NotFoundError(absl::StrCat("Tensor name \"", Printable(name),
                                            "\" not found in checkpoint files ", Printable(files)));
  }
  if (entry->dtype != dtype) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Expected to restore a tensor of type ", DTypeSchemaName(dtype), ", got a tensor of type ",
        DTypeSchemaName(entry->dtype), " instead: tensor_name = ", Printable(name)));
  }
  SLUICE_ASSIGN_OR_RETURN(const SliceSpec spec, ParseSliceSpec(slice));
  SLUICE_ASSIGN_OR_RETURN(Tensor whole, Lookup(name, budget));
  if (!spec.sliced) return whole;
  if (spec.full_shape != entry->shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("Shape in shape_and_slice spec ", spec.full_shape.ToString(),
                     " does not match the shape in the save file: ", entry->shape.ToString(),
                     ", save file: ", Printable(files)));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, spec.slice.ShapeWithin(entry->shape));
  SLUICE_ASSIGN_OR_RETURN(Tensor part, Tensor::Make(dtype, shape, budget));
  CopySliceOut(whole, spec.slice, part);
  return part;
}

absl::Status WriteOldCheckpoint(FileSystem& fs, const std::string& path,
                                absl::Span<const OldSlice> slices) {
  proto::SavedTensorSlices head;
  head.mutable_meta()->mutable_versions()->set_producer(kVersion);
  std::map<std::string, proto::SavedSliceMeta*> metas;
  std::map<std::string, std::string> table;
  for (const OldSlice& slice : slices) {
    proto::SavedSliceMeta*& meta = metas[slice.name];
    proto::TensorShapeProto shape;
    ToProto(slice.full_shape, &shape);
    if (meta == nullptr) {
      meta = head.mutable_meta()->add_tensor();
      meta->set_name(slice.name);
      *meta->mutable_shape() = shape;
      meta->set_type(static_cast<proto::DataType>(slice.value->dtype()));
    } else if (meta->shape().SerializeAsString() != shape.SerializeAsString() ||
               static_cast<DType>(meta->type()) != slice.value->dtype()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Mismatching shapes or types: existing tensor ", Printable(slice.name),
                       ", trying to add ", slice.full_shape.ToString()));
    }
    SliceTo(slice.slice, meta->add_slice());
    proto::SavedTensorSlices record;
    record.mutable_data()->set_name(slice.name);
    SliceTo(slice.slice, record.mutable_data()->mutable_slice());
    SLUICE_RETURN_IF_ERROR(ListElements(*slice.value, record.mutable_data()->mutable_data()));
    if (!table.try_emplace(SliceKey(slice.name, slice.slice), record.SerializeAsString()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Adding duplicate slice ", slice.slice.ToString(), " of ", Printable(slice.name)));
    }
  }
  table.emplace("", head.SerializeAsString());
  const std::string temporary = path + ".tempstate";
  SLUICE_ASSIGN_OR_RETURN(const auto file, fs.Create(temporary));
  absl::Status written = WriteSortedTable(table, *file);
  if (written.ok()) written = file->Sync();
  if (written.ok()) written = file->Close();
  if (written.ok()) return fs.Rename(temporary, path);
  fs.Delete(temporary).IgnoreError();
  return written;
}

}  // namespace sluice::ops
