#include "ops/save_restore_v1.h"

#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "io/tensor_slice.h"
#include "ops/old_checkpoint.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

// A scalar, then `vectors` vectors of one string per tensor.
absl::Status SaveShape(const ShapeContext& c, int vectors) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  const int64_t count = c.num_inputs() - 1 - vectors;
  for (int i = 1; i <= vectors; ++i) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape names, c.WithRank(i, 1));
    if (names.CompatibleWith({count})) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(i == 1 ? "tensor_names" : "shapes_and_slices", " must have ", count,
                     " entries, one per tensor, got shape ", names.ToString()));
  }
  return absl::OkStatus();
}

absl::Status WholeSaveShape(ShapeContext& c) { return SaveShape(c, 1); }
absl::Status SliceSaveShape(ShapeContext& c) { return SaveShape(c, 2); }

absl::Status RestoreShape(ShapeContext& c) {
  for (int i = 0; i < c.num_inputs(); ++i) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  if (c.num_inputs() < 3 || c.value(2) == nullptr) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const SliceSpec spec, ParseSliceSpec(c.value(2)->scalar<std::string>()));
  if (!spec.sliced) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, spec.slice.ShapeWithin(spec.full_shape));
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

TensorSlice WholeSlice(const TensorShape& shape) {
  return {.extents = std::vector<SliceExtent>(shape.rank())};
}

absl::Status SaveTensors(const KernelContext& c, bool sliced) {
  const int first = sliced ? 3 : 2;
  const absl::Span<const std::string> names = c.input(1).flat<std::string>();
  if (static_cast<int>(names.size()) != c.num_inputs() - first ||
      (sliced && c.input(2).num_elements() != c.input(1).num_elements())) {
    return absl::InvalidArgumentError(
        absl::StrCat("Got ", c.num_inputs() - first, " tensors but ", names.size(), " names"));
  }
  std::vector<OldSlice> slices;
  for (size_t i = 0; i < names.size(); ++i) {
    const Tensor& value = c.input(first + static_cast<int>(i));
    OldSlice slice = {names[i], value.shape(), WholeSlice(value.shape()), &value};
    if (sliced) {
      SLUICE_ASSIGN_OR_RETURN(SliceSpec spec, ParseSliceSpec(c.input(2).flat<std::string>()[i]));
      if (spec.sliced) {
        SLUICE_ASSIGN_OR_RETURN(const TensorShape part, spec.slice.ShapeWithin(spec.full_shape));
        if (part != value.shape()) {
          return absl::InvalidArgumentError(absl::StrCat(
              "Slice in shape_and_slice specification does not match the shape of the tensor to "
              "save: ",
              c.input(2).flat<std::string>()[i], ", tensor: ", value.shape().ToString()));
        }
        slice.full_shape = spec.full_shape;
        slice.slice = std::move(spec.slice);
      }
    }
    slices.push_back(std::move(slice));
  }
  return WriteOldCheckpoint(FileSystem::Default(), c.input(0).scalar<std::string>(), slices);
}

absl::Status SaveKernel(KernelContext& c) { return SaveTensors(c, false); }
absl::Status SaveSlicesKernel(KernelContext& c) { return SaveTensors(c, true); }

absl::Status RestoreRun(KernelContext& c) {
  const auto& pattern = c.input(0).scalar<std::string>();
  SLUICE_ASSIGN_OR_RETURN(const OldCheckpointReader reader,
                          OldCheckpointReader::Open(FileSystem::Default(), pattern));
  SLUICE_ASSIGN_OR_RETURN(
      Tensor tensor,
      reader.Restore(pattern, c.input(1).scalar<std::string>(),
                     c.num_inputs() > 2 ? c.input(2).scalar<std::string>() : std::string(),
                     c.attr<DType>("dt"), c.budget()));
  c.SetOutput(0, std::move(tensor));
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> RestorePrepare(PrepareContext& p) {
  p.WillSetOutput(0);
  return KernelRun(RestoreRun);
}

constexpr char kFiles[] = "it deals with files";

std::vector<DType> QuantizedTypes() {
  return {DType::kQint8, DType::kQuint8, DType::kQint32, DType::kQint16, DType::kQuint16};
}

OpSpec RestoreSpec(const char* name) {
  return OpSpec(name)
      .Input("file_pattern: string")
      .Input("tensor_name: string")
      .Output("tensor: dt")
      .Attr("dt: type")
      .Attr("preferred_shard: int = -1")
      .Shape(RestoreShape)
      .Prepare(RestorePrepare)
      .Stateful()
      .NotDifferentiable(kFiles);
}

}  // namespace

OpSpec SaveOp() {
  return OpSpec("Save")
      .Input("filename: string")
      .Input("tensor_names: string")
      .Input("data: T")
      .Attr("T: list(type) >= 1")
      .NoKernelFor("T", QuantizedTypes(), "quantized numbers have no list in a checkpoint")
      .Shape(WholeSaveShape)
      .Kernel(SaveKernel)
      .Stateful()
      .NotDifferentiable(kFiles);
}

OpSpec SaveSlicesOp() {
  return OpSpec("SaveSlices")
      .Input("filename: string")
      .Input("tensor_names: string")
      .Input("shapes_and_slices: string")
      .Input("data: T")
      .Attr("T: list(type) >= 1")
      .NoKernelFor("T", QuantizedTypes(), "quantized numbers have no list in a checkpoint")
      .Shape(SliceSaveShape)
      .Kernel(SaveSlicesKernel)
      .Stateful()
      .NotDifferentiable(kFiles);
}

OpSpec RestoreOp() { return RestoreSpec("Restore"); }

OpSpec RestoreSliceOp() { return RestoreSpec("RestoreSlice").Input("shape_and_slice: string"); }

Output Save(At at, Output filename, Output tensor_names, const Outputs& data) {
  Outputs inputs = {filename, tensor_names};
  inputs.insert(inputs.end(), data.begin(), data.end());
  return at.Node("Save", inputs);
}
Output SaveSlices(At at, Output filename, Output tensor_names, Output shapes_and_slices,
                  const Outputs& data) {
  Outputs inputs = {filename, tensor_names, shapes_and_slices};
  inputs.insert(inputs.end(), data.begin(), data.end());
  return at.Node("SaveSlices", inputs);
}
Output Restore(At at, Output file_pattern, Output tensor_name, DType dt,
               const RestoreOptions& options) {
  return at.Node("Restore", {file_pattern, tensor_name},
                 {{"dt", dt}, {"preferred_shard", options.preferred_shard}});
}
Output RestoreSlice(At at, Output file_pattern, Output tensor_name, Output shape_and_slice,
                    DType dt, const RestoreOptions& options) {
  return at.Node("RestoreSlice", {file_pattern, tensor_name, shape_and_slice},
                 {{"dt", dt}, {"preferred_shard", options.preferred_shard}});
}

}  // namespace sluice::ops
