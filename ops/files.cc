#include "ops/files.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/path_pattern.h"

namespace sluice::ops {
namespace {

absl::Status ReadShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  return shapes::Scalar(c);
}

absl::Status WriteShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  return c.WithRank(1, 0).status();
}

absl::Status MatchingShape(ShapeContext& c) {
  if (c.input(0).rank() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Shape must be at most rank 1 but is rank ", c.input(0).rank()));
  }
  c.set_output(0, TensorShape::OfRank(1));
  return absl::OkStatus();
}

absl::Status ReadKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(std::string bytes,
                          FileSystem::Default().ReadAll(c.input(0).scalar<std::string>()));
  *c.output(0).mutable_data<std::string>() = std::move(bytes);
  return absl::OkStatus();
}

absl::Status WriteKernel(KernelContext& c) {
  FileSystem& fs = FileSystem::Default();
  const auto& path = c.input(0).scalar<std::string>();
  SLUICE_RETURN_IF_ERROR(fs.CreateDirectories(DirectoryOf(path)));
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, fs.Create(path));
  SLUICE_RETURN_IF_ERROR(file->Append(c.input(1).scalar<std::string>()));
  return file->Close();
}

absl::Status MatchingKernel(KernelContext& c) {
  std::vector<std::string> all;
  for (const std::string& pattern : c.input(0).flat<std::string>()) {
    const std::vector<std::string> some = MatchPaths(FileSystem::Default(), pattern);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, c.Allocate(0, {static_cast<int64_t>(all.size())}));
  std::move(all.begin(), all.end(), output->mutable_data<std::string>());
  return absl::OkStatus();
}

constexpr char kFiles[] = "it deals with files";

}  // namespace

OpSpec ReadFileOp() {
  return OpSpec("ReadFile")
      .Input("filename: string")
      .Output("contents: string")
      .Shape(ReadShape)
      .Kernel(ReadKernel)
      .Stateful()  // not of TensorFlow's: a file may change between runs
      .NotDifferentiable(kFiles);
}

OpSpec WriteFileOp() {
  return OpSpec("WriteFile")
      .Input("filename: string")
      .Input("contents: string")
      .Shape(WriteShape)
      .Kernel(WriteKernel)
      .Stateful()
      .NotDifferentiable(kFiles);
}

OpSpec MatchingFilesOp() {
  return OpSpec("MatchingFiles")
      .Input("pattern: string")
      .Output("filenames: string")
      .Shape(MatchingShape)
      .Kernel(MatchingKernel)
      .Stateful()
      .NotDifferentiable(kFiles);
}

Output ReadFile(At at, Output filename) { return at.Node("ReadFile", {filename}); }
Output WriteFile(At at, Output filename, Output contents) {
  return at.Node("WriteFile", {filename, contents});
}
Output MatchingFiles(At at, Output pattern) { return at.Node("MatchingFiles", {pattern}); }

}  // namespace sluice::ops
