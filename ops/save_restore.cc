#include "ops/save_restore.h"

#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "io/bundle_files.h"
#include "io/tensor_bundle.h"
#include "io/tensor_slice.h"
#include "ops/old_checkpoint.h"
#include "ops/path_pattern.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

// Inputs: a scalar, then two vectors of `count` strings.
absl::Status CheckNames(const ShapeContext& c, int64_t count) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  for (int i = 1; i <= 2; ++i) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, c.WithRank(i, 1));
    if (!shape.CompatibleWith({count})) {
      return absl::InvalidArgumentError(
          absl::StrCat(i == 1 ? "tensor_names" : "shape_and_slices", " must have ", count,
                       " entries, one per tensor, got shape ", shape.ToString()));
    }
  }
  return absl::OkStatus();
}

absl::Status SaveShape(ShapeContext& c) { return CheckNames(c, c.num_inputs() - 3); }

absl::Status RestoreShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckNames(c, c.num_outputs()));
  const Tensor* slices = c.value(2);
  if (slices == nullptr) return absl::OkStatus();
  for (int i = 0; i < c.num_outputs(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(const SliceSpec spec, ParseSliceSpec(slices->data<std::string>()[i]));
    if (!spec.sliced) continue;
    SLUICE_ASSIGN_OR_RETURN(TensorShape shape, spec.slice.ShapeWithin(spec.full_shape));
    c.set_output(i, std::move(shape));
  }
  return absl::OkStatus();
}

absl::Status MergeShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 1).status());
  return c.WithRank(1, 0).status();
}

absl::Status ScalarsShape(ShapeContext& c) {
  for (int i = 0; i < c.num_inputs(); ++i) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  return shapes::Scalar(c);
}

// --- kernels -------------------------------------------------------------------------------------

absl::Status SaveKernel(KernelContext& c) {
  const auto names = c.input(1).flat<std::string>();
  const auto slices = c.input(2).flat<std::string>();
  SLUICE_ASSIGN_OR_RETURN(
      const std::unique_ptr<BundleWriter> writer,
      BundleWriter::Create(FileSystem::Default(), c.input(0).scalar<std::string>()));
  for (size_t i = 0; i < names.size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(const SliceSpec spec, ParseSliceSpec(slices[i]));
    const Tensor& tensor = c.input(static_cast<int>(i) + 3);
    SLUICE_RETURN_IF_ERROR(spec.sliced
                               ? writer->AddSlice(names[i], spec.full_shape, spec.slice, tensor)
                               : writer->Add(names[i], tensor));
  }
  return writer->Finish();
}

absl::StatusOr<Tensor> RestoreOne(const BundleReader& reader, const std::string& name,
                                  const std::string& slice, DType dtype,
                                  const std::shared_ptr<MemoryBudget>& budget) {
  const BundleTensor* entry = reader.Find(name);
  if (entry == nullptr) return reader.Lookup(name, budget);  // its words
  if (entry->dtype != dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor_name = ", Printable(name), "; expected dtype ", DTypeName(dtype),
                     " does not equal original dtype ", DTypeName(entry->dtype)));
  }
  SLUICE_ASSIGN_OR_RETURN(const SliceSpec spec, ParseSliceSpec(slice));
  if (!spec.sliced) return reader.Lookup(name, budget);
  if (entry->shape != spec.full_shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor_name = ", Printable(name), "; shape in shape_and_slice spec ",
                     spec.full_shape.ToString(),
                     " does not match the shape stored in checkpoint: ", entry->shape.ToString()));
  }
  return reader.LookupSlice(name, spec.slice, budget);
}

// Is there no bundle of that prefix, but a checkpoint of the older format?
bool IsOldCheckpoint(FileSystem& fs, const std::string& prefix) {
  return !fs.Exists(prefix + ".index") && !MatchPaths(fs, prefix).empty();
}

absl::Status RestoreOld(KernelContext& c, const std::vector<DType>& dtypes) {
  const auto& files = c.input(0).scalar<std::string>();
  SLUICE_ASSIGN_OR_RETURN(const OldCheckpointReader reader,
                          OldCheckpointReader::Open(FileSystem::Default(), files));
  for (int i = 0; i < c.num_outputs(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(
        Tensor tensor, reader.Restore(files, c.input(1).data<std::string>()[i],
                                      c.input(2).data<std::string>()[i], dtypes[i], c.budget()));
    c.SetOutput(i, std::move(tensor));
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> RestorePrepare(PrepareContext& p) {
  for (int i = 0; i < p.num_outputs(); ++i) p.WillSetOutput(i);
  return KernelRun(
      [dtypes = p.attr<std::vector<DType>>("dtypes")](KernelContext& c) -> absl::Status {
        if (IsOldCheckpoint(FileSystem::Default(), c.input(0).scalar<std::string>())) {
          return RestoreOld(c, dtypes);
        }
        SLUICE_ASSIGN_OR_RETURN(
            const std::unique_ptr<BundleReader> reader,
            BundleReader::Open(FileSystem::Default(), c.input(0).scalar<std::string>()));
        for (int i = 0; i < c.num_outputs(); ++i) {
          SLUICE_ASSIGN_OR_RETURN(
              Tensor tensor, RestoreOne(*reader, c.input(1).data<std::string>()[i],
                                        c.input(2).data<std::string>()[i], dtypes[i], c.budget()));
          c.SetOutput(i, std::move(tensor));
        }
        return absl::OkStatus();
      });
}

absl::Status CopyBundle(const BundleReader& from, const std::shared_ptr<MemoryBudget>& budget,
                        BundleWriter& to) {
  for (const BundleTensor& entry : from.Keys()) {
    if (entry.slices.empty()) {
      SLUICE_ASSIGN_OR_RETURN(const Tensor tensor, from.Lookup(entry.name, budget));
      SLUICE_RETURN_IF_ERROR(to.Add(entry.name, tensor));
    }
    for (const TensorSlice& slice : entry.slices) {
      SLUICE_ASSIGN_OR_RETURN(const Tensor part, from.LookupSlice(entry.name, slice, budget));
      SLUICE_RETURN_IF_ERROR(to.AddSlice(entry.name, entry.shape, slice, part));
    }
  }
  return absl::OkStatus();
}

absl::Status MergeKernel(KernelContext& c) {
  FileSystem& fs = FileSystem::Default();
  const auto prefixes = c.input(0).flat<std::string>();
  const auto& destination = c.input(1).scalar<std::string>();
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<BundleWriter> writer,
                          BundleWriter::Create(fs, destination));
  for (const std::string& prefix : prefixes) {
    SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<BundleReader> reader,
                            BundleReader::Open(fs, prefix));
    SLUICE_RETURN_IF_ERROR(CopyBundle(*reader, c.budget(), *writer));
  }
  SLUICE_RETURN_IF_ERROR(writer->Finish());
  if (!c.attr<bool>("delete_old_dirs")) return absl::OkStatus();
  for (const std::string& prefix : prefixes) {
    if (prefix != destination) SLUICE_RETURN_IF_ERROR(DeleteBundle(fs, prefix));
  }
  return absl::OkStatus();
}

absl::Status ShardedFilenameKernel(KernelContext& c) {
  *c.output(0).mutable_data<std::string>() =
      absl::StrFormat("%s-%05d-of-%05d", c.input(0).scalar<std::string>(),
                      c.input(1).scalar<int32_t>(), c.input(2).scalar<int32_t>());
  return absl::OkStatus();
}

absl::Status ShardedFilespecKernel(KernelContext& c) {
  *c.output(0).mutable_data<std::string>() = absl::StrFormat(
      "%s-\?\?\?\?\?-of-%05d", c.input(0).scalar<std::string>(), c.input(1).scalar<int32_t>());
  return absl::OkStatus();
}

constexpr char kFiles[] = "it deals with files";
constexpr char kNames[] = "its output is a string";

}  // namespace

OpSpec SaveV2Op() {
  return OpSpec("SaveV2")
      .Input("prefix: string")
      .Input("tensor_names: string")
      .Input("shape_and_slices: string")
      .Input("tensors: dtypes")
      .Attr("dtypes: list(type) >= 1")
      .Shape(SaveShape)
      .Kernel(SaveKernel)
      .NotDifferentiable(kFiles)
      .Stateful();
}

OpSpec RestoreV2Op() {
  return OpSpec("RestoreV2")
      .Input("prefix: string")
      .Input("tensor_names: string")
      .Input("shape_and_slices: string")
      .Output("tensors: dtypes")
      .Attr("dtypes: list(type) >= 1")
      .Shape(RestoreShape)
      .Prepare(RestorePrepare)
      .NotDifferentiable(kFiles)
      .Stateful();
}

OpSpec MergeV2CheckpointsOp() {
  return OpSpec("MergeV2Checkpoints")
      .Input("checkpoint_prefixes: string")
      .Input("destination_prefix: string")
      .Attr("delete_old_dirs: bool = true")
      .Shape(MergeShape)
      .Kernel(MergeKernel)
      .NotDifferentiable(kFiles)
      .Stateful();
}

OpSpec ShardedFilenameOp() {
  return OpSpec("ShardedFilename")
      .Input("basename: string")
      .Input("shard: int32")
      .Input("num_shards: int32")
      .Output("filename: string")
      .Shape(ScalarsShape)
      .Kernel(ShardedFilenameKernel)
      .NotDifferentiable(kNames);
}

OpSpec ShardedFilespecOp() {
  return OpSpec("ShardedFilespec")
      .Input("basename: string")
      .Input("num_shards: int32")
      .Output("filename: string")
      .Shape(ScalarsShape)
      .Kernel(ShardedFilespecKernel)
      .NotDifferentiable(kNames);
}

Output SaveV2(At at, Output prefix, Output tensor_names, Output shape_and_slices,
              const Outputs& tensors) {
  Outputs inputs = {std::move(prefix), std::move(tensor_names), std::move(shape_and_slices)};
  inputs.insert(inputs.end(), tensors.begin(), tensors.end());
  return at.Node("SaveV2", inputs);
}

Outputs RestoreV2(At at, Output prefix, Output tensor_names, Output shape_and_slices,
                  const std::vector<DType>& dtypes) {
  return at.Nodes("RestoreV2", {prefix, tensor_names, shape_and_slices}, {{"dtypes", dtypes}});
}

Output MergeV2Checkpoints(At at, Output checkpoint_prefixes, Output destination_prefix,
                          bool delete_old_dirs) {
  return at.Node("MergeV2Checkpoints", {checkpoint_prefixes, destination_prefix},
                 {{"delete_old_dirs", delete_old_dirs}});
}

Output ShardedFilename(At at, Output basename, Output shard, Output num_shards) {
  return at.Node("ShardedFilename", {basename, shard, num_shards});
}

Output ShardedFilespec(At at, Output basename, Output num_shards) {
  return at.Node("ShardedFilespec", {basename, num_shards});
}

}  // namespace sluice::ops
