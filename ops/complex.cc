// Complex numbers made of two real tensors, and their parts. Gradients are TensorFlow's: the
// gradient of a real result r of z = a + bi is dr/da + i dr/db.
#include "ops/complex.h"

#include <complex>

#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/broadcast_gradient.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

// y = f(x) from complex numbers with parts T to U.
template <typename T, typename U, U (*kFunction)(const std::complex<T>&)>
absl::Status Map(KernelContext& c) {
  const std::complex<T>* x = c.input(0).data<std::complex<T>>();
  U* y = c.output(0).mutable_data<U>();
  ParallelFor(c.input(0).num_elements(), GrainFor(2), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = kFunction(x[i]);
  });
  return absl::OkStatus();
}

absl::Status CheckPartType(DType whole, DType part) {
  if ((whole == DType::kComplex64) == (part == DType::kFloat)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(DTypeName(whole), " does not go with ", DTypeName(part)));
}

// Kernels for complex64 and complex128.
KernelPrepare PartKernel(KernelRun of_complex64, KernelRun of_complex128) {
  return [of_complex64, of_complex128](PrepareContext& p) -> absl::StatusOr<KernelRun> {
    SLUICE_RETURN_IF_ERROR(CheckPartType(p.input_dtype(0), p.output_dtype(0)));
    return p.input_dtype(0) == DType::kComplex64 ? of_complex64 : of_complex128;
  };
}

template <typename T>
T RealOf(const std::complex<T>& x) {
  return x.real();
}
template <typename T>
T ImagOf(const std::complex<T>& x) {
  return x.imag();
}
template <typename T>
T AbsOf(const std::complex<T>& x) {
  return std::abs(x);
}
template <typename T>
T AngleOf(const std::complex<T>& x) {
  return std::arg(x);
}
template <typename T>
std::complex<T> ConjOf(const std::complex<T>& x) {
  return std::conj(x);
}

absl::StatusOr<KernelRun> ConjPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<std::complex<float>, std::complex<double>>(p.input_dtype(0), [&](auto tag) {
        using T = typename decltype(tag)::type::value_type;
        run = Map<T, std::complex<T>, ConjOf<T>>;
        return absl::OkStatus();
      })));
  return run;
}

// real + imag i, where either may be one element that is repeated.
template <typename T>
absl::Status ComplexKernel(KernelContext& c) {
  const Tensor &real = c.input(0), &imag = c.input(1);
  auto z = c.output(0).mutable_flat<std::complex<T>>();
  const int64_t real_step = real.num_elements() == 1 ? 0 : 1;
  const int64_t imag_step = imag.num_elements() == 1 ? 0 : 1;
  for (size_t i = 0; i < z.size(); ++i)
    z[i] = {real.data<T>()[i * real_step], imag.data<T>()[i * imag_step]};
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> ComplexPrepare(PrepareContext& p) {
  SLUICE_RETURN_IF_ERROR(CheckPartType(p.output_dtype(0), p.input_dtype(0)));
  for (int i = 0; i < 2; ++i) {
    const bool one = p.input_shape(i).num_elements() == 1;
    if (!one && p.input_shape(i) != p.output_shape(0)) {
      return absl::UnimplementedError(absl::StrCat("parts of shapes ", p.input_shape(0).ToString(),
                                                   " and ", p.input_shape(1).ToString(),
                                                   ": only single elements are repeated"));
    }
  }
  return p.input_dtype(0) == DType::kFloat ? KernelRun(ComplexKernel<float>)
                                           : KernelRun(ComplexKernel<double>);
}

// --- gradients ---

DType WholeOf(DType part) { return part == DType::kFloat ? DType::kComplex64 : DType::kComplex128; }
DType PartOf(DType whole) { return whole == DType::kComplex64 ? DType::kFloat : DType::kDouble; }

Output ZeroLike(At at, const Output& x) { return at.Node("ZerosLike", {x}); }

Outputs ComplexGradient(At at, const Node& op, const Outputs& dy) {
  return SumToShapes(at, op.input(0), op.input(1), Real(at, dy[0]), Imag(at, dy[0]));
}
Outputs RealGradient(At at, const Node&, const Outputs& dy) {
  return {Complex(at, dy[0], ZeroLike(at, dy[0]))};
}
Outputs ImagGradient(At at, const Node&, const Outputs& dy) {
  return {Complex(at, ZeroLike(at, dy[0]), dy[0])};
}
Outputs ConjGradient(At at, const Node&, const Outputs& dy) { return {Conj(at, dy[0])}; }
Outputs ComplexAbsGradient(At at, const Node& op, const Outputs& dy) {
  return {Mul(at, Complex(at, dy[0], ZeroLike(at, dy[0])), Sign(at, op.input(0)))};
}

OpSpec PartOp(absl::string_view name, absl::string_view input, absl::string_view output,
              KernelRun of_complex64, KernelRun of_complex128) {
  return OpSpec(name)
      .Input(input)
      .Output(output)
      .Attr("T: {complex64, complex128} = DT_COMPLEX64")
      .Attr("Tout: {float, double} = DT_FLOAT")
      .Shape(shapes::SameAsInput)
      .Prepare(PartKernel(std::move(of_complex64), std::move(of_complex128)));
}

Output PartNode(At at, const char* name, const Output& x) {
  const DType out = x.empty() ? DType::kFloat : PartOf(BaseType(x.dtype()));
  return at.Node(name, {x}, {{"Tout", out}});
}

}  // namespace

OpSpec ComplexOp() {
  return OpSpec("Complex")
      .Input("real: T")
      .Input("imag: T")
      .Output("out: Tout")
      .Attr("T: {float, double} = DT_FLOAT")
      .Attr("Tout: {complex64, complex128} = DT_COMPLEX64")
      .Shape(shapes::BroadcastBinary)
      .Prepare(ComplexPrepare)
      .Gradient(ComplexGradient);
}
OpSpec RealOp() {
  return PartOp("Real", "input: T", "output: Tout", Map<float, float, RealOf<float>>,
                Map<double, double, RealOf<double>>)
      .Gradient(RealGradient);
}
OpSpec ImagOp() {
  return PartOp("Imag", "input: T", "output: Tout", Map<float, float, ImagOf<float>>,
                Map<double, double, ImagOf<double>>)
      .Gradient(ImagGradient);
}
OpSpec AngleOp() {
  return PartOp("Angle", "input: T", "output: Tout", Map<float, float, AngleOf<float>>,
                Map<double, double, AngleOf<double>>)
      .NotDifferentiable("TensorFlow 1 defines none");
}
OpSpec ComplexAbsOp() {
  return PartOp("ComplexAbs", "x: T", "y: Tout", Map<float, float, AbsOf<float>>,
                Map<double, double, AbsOf<double>>)
      .Gradient(ComplexAbsGradient);
}
OpSpec ConjOp() {
  return OpSpec("Conj")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: {complex64, complex128, variant} = DT_COMPLEX64")
      .Shape(shapes::SameAsInput)
      .Prepare(ConjPrepare)
      .InPlace(0, 0)
      .Gradient(ConjGradient);
}

Output Complex(At at, Output real, Output imag) {
  const DType out = real.empty() ? DType::kComplex64 : WholeOf(BaseType(real.dtype()));
  return at.Node("Complex", {real, imag}, {{"Tout", out}});
}
Output Real(At at, Output input) { return PartNode(at, "Real", input); }
Output Imag(At at, Output input) { return PartNode(at, "Imag", input); }
Output Angle(At at, Output input) { return PartNode(at, "Angle", input); }
Output ComplexAbs(At at, Output x) { return PartNode(at, "ComplexAbs", x); }
Output Conj(At at, Output input) { return at.Node("Conj", {input}); }

Output Conjugate(At at, Output x) {
  return !x.empty() && IsComplex(BaseType(x.dtype())) ? Conj(at, x) : x;
}

}  // namespace sluice::ops
