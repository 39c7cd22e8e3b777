// What an op is: its schema in TensorFlow's grammar, shape function, kernel, gradient. One OpSpec
// is the whole truth about an op; a node points to its spec, and nothing outside the spec switches
// on an op's name.
#ifndef SLUICE_GRAPH_OP_SPEC_H_
#define SLUICE_GRAPH_OP_SPEC_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/attr_value.h"
#include "core/dtype.h"
#include "core/kernel.h"
#include "graph/indexed_slices.h"
#include "graph/rewrite.h"
#include "graph/shape_context.h"

namespace sluice {

class At;
class Node;

// One input or output argument of a schema: "values: N * T". Exactly one of type, type_attr,
// type_list_attr is set.
struct ArgSpec {
  std::string name;
  DType type = DType::kInvalid;  // fixed type
  std::string type_attr;         // type from this attr
  std::string number_attr;       // repeated: count from this attr
  std::string type_list_attr;    // one element per type of this list(type) attr
  bool is_ref = false;
};

// One attribute of a schema: "padding: {'SAME', 'VALID'}", "N: int >= 1", "T: {float, double} =
// DT_FLOAT".
struct AttrSpec {
  std::string name;
  std::string type;  // "int", "list(type)", "func", ...
  std::optional<AttrValue> default_value;
  std::optional<int64_t> minimum;            // of an int's value or a list's length
  std::vector<DType> allowed_types;          // empty: any
  std::vector<std::string> allowed_strings;  // empty: any
};

// What an op does to the flow of control (TensorFlow 1's Switch, Merge and frames): the session,
// not a kernel, runs these. LoopCond and the reference forms are aliases or share a role.
enum class ControlFlow : uint8_t {
  kNone,
  kSwitch,          // input 0 to output 0 (false) or 1 (true), as input 1 says; the other is dead
  kMerge,           // the first live input, and its number
  kEnter,           // into the frame that the attr frame_name names
  kExit,            // out of the frame
  kNextIteration,   // to the frame's next iteration
  kControlTrigger,  // runs though its inputs are dead
  kCall,  // calls functions of the graph's library: their nodes take its place before a run
};

// Element types that a schema allows and the kernel lacks.
struct MissingKernel {
  std::string attr;  // the type attribute
  std::vector<DType> types;
  std::string reason;
};

// Gradient: builds, with op builders only, the gradient nodes of `op`. dy[i] is the gradient of
// output i, empty where there is none. Returns one gradient per input, empty for "no gradient";
// a function that returns Outputs will do. (tf.RegisterGradient)
using GradientFn = std::function<TensorsOrSlices(At at, const Node& op, const Outputs& dy)>;

// Floating-point operations of one run, two per multiply-add, from attributes and concrete shapes.
using FlopsFn = std::function<double(const AttrMap& attrs, absl::Span<const TensorShape> inputs,
                                     absl::Span<const TensorShape> outputs)>;

// The function on tiles that an elementwise op with these attributes is for elements of `dtype`,
// nullopt: none.
using TiledFn = std::function<std::optional<TileKernel>(const AttrMap& attrs, DType dtype)>;

// The attr by which a node asks for another gradient function than its op's (rule GR-15).
inline constexpr char kGradientOpTypeAttr[] = "_gradient_op_type";

// The attr that marks nodes whose results plans compute again for gradients (Scope::Recompute).
inline constexpr char kRecomputeHintAttr[] = "_recompute_hint";

class OpSpec {
 public:
  explicit OpSpec(absl::string_view name) : name_(name) {}

  // Schema, in TensorFlow's grammar (REGISTER_OP). A malformed string is reported by status().
  OpSpec& Input(absl::string_view arg);
  OpSpec& Output(absl::string_view arg);
  OpSpec& Attr(absl::string_view attr);

  OpSpec& Shape(ShapeFn fn);
  // A simple kernel: only Run.
  OpSpec& Kernel(absl::Status (*run)(KernelContext&));
  // A kernel with both halves (core/kernel.h).
  OpSpec& Prepare(KernelPrepare prepare);
  // Exactly one of the two must be called; a test over the registry holds every op to it.
  OpSpec& Gradient(GradientFn fn);
  OpSpec& NotDifferentiable(absl::string_view reason);
  // Besides Gradient(): what comes in for output 0 goes to input 0 as it is, slices too (Identity,
  // ReadVariableOp). Other gradient functions get slices made dense.
  OpSpec& PassesGradientThrough();

  // --- facts that plans use ---
  // Runs have effects or differ from run to run: never folded, merged or dropped while fetched or
  // targeted.
  OpSpec& Stateful();
  // Stateful through the random streams: running it advances KernelContext::random_run().
  OpSpec& Random();
  // output `out` is input `in` under another shape: no kernel runs, memory is shared.
  OpSpec& Alias(int in, int out);
  // The kernel may write output `out` over input `in` (same bytes) when nobody else needs that
  // input.
  OpSpec& InPlace(int in, int out);
  // Outputs depend on input shapes and dtypes only, never on values (Shape, Size, Rank): known at
  // compile time.
  OpSpec& ValueFromShapes();
  // The output is one value per session (VarHandleOp): the kernel runs while a plan is compiled.
  OpSpec& SessionConstant();
  // Writes the variable(s) that its resource inputs name: plans run it as late as its edges allow.
  OpSpec& WritesResources();
  // Output 0 is a snapshot of the variable that resource input 0 names.
  OpSpec& ReadsVariable();
  // Elementwise: output 0 has the broadcast shape of the inputs and the dtype of the last input.
  OpSpec& Tiled(TiledFn fn);
  OpSpec& Flops(FlopsFn fn);
  // The last bits of the results depend on the number of threads: a deterministic session runs the
  // op on one.
  OpSpec& ThreadSensitive();
  OpSpec& Commutative();
  OpSpec& Aggregate();
  OpSpec& AllowsUninitializedInput();
  // Must be fed: running it is an error (Placeholder).
  OpSpec& MustBeFed();
  // The session runs it, in this role. Stateful, no kernel.
  OpSpec& Flow(ControlFlow role);

  // The kernel does not take `types` for type attribute `attr`, though the schema allows them: why
  // (as a sentence fragment). A test holds every op to a kernel for all other types.
  OpSpec& NoKernelFor(absl::string_view attr, std::vector<DType> types, absl::string_view reason);

  const std::string& name() const { return name_; }
  const std::vector<ArgSpec>& inputs() const { return inputs_; }
  const std::vector<ArgSpec>& outputs() const { return outputs_; }
  const std::vector<AttrSpec>& attrs() const { return attrs_; }  // in the order declared
  const AttrSpec* FindAttr(absl::string_view name) const;
  const ShapeFn& shape_fn() const { return shape_; }
  const KernelPrepare& prepare() const { return prepare_; }  // null: no kernel
  const GradientFn& gradient() const { return gradient_; }   // null: none
  bool not_differentiable() const { return !no_gradient_reason_.empty(); }
  const std::string& no_gradient_reason() const { return no_gradient_reason_; }
  bool passes_gradient_through() const { return passes_gradient_through_; }
  bool stateful() const { return stateful_; }
  bool random() const { return random_; }
  const std::vector<std::pair<int, int>>& aliases() const { return aliases_; }    // (in, out)
  const std::vector<std::pair<int, int>>& in_place() const { return in_place_; }  // (in, out)
  bool value_from_shapes() const { return value_from_shapes_; }
  bool session_constant() const { return session_constant_; }
  bool writes_resources() const { return writes_resources_; }
  bool reads_variable() const { return reads_variable_; }
  const TiledFn& tiled() const { return tiled_; }  // null: not elementwise, or no such function
  const FlopsFn& flops() const { return flops_; }  // null: computes nothing worth counting
  bool thread_sensitive() const { return thread_sensitive_; }
  bool commutative() const { return commutative_; }
  bool aggregate() const { return aggregate_; }
  bool allows_uninitialized_input() const { return allows_uninitialized_input_; }
  bool must_be_fed() const { return must_be_fed_; }
  ControlFlow flow() const { return flow_; }
  const std::vector<MissingKernel>& missing_kernels() const { return missing_kernels_; }
  // A stand-in for an op that the registry does not have: imports, shows and exports, but never
  // runs.
  bool opaque() const { return opaque_; }
  static std::shared_ptr<const OpSpec> Opaque(absl::string_view name);

  const absl::Status& status() const { return status_; }

 private:
  friend class OpRegistry;
  std::string name_;
  std::vector<ArgSpec> inputs_, outputs_;
  std::vector<AttrSpec> attrs_;
  ShapeFn shape_;
  KernelPrepare prepare_;
  GradientFn gradient_;
  std::string no_gradient_reason_;
  std::vector<std::pair<int, int>> aliases_, in_place_;
  bool stateful_ = false, random_ = false, value_from_shapes_ = false, session_constant_ = false;
  bool writes_resources_ = false, commutative_ = false, aggregate_ = false;
  bool allows_uninitialized_input_ = false, must_be_fed_ = false, opaque_ = false;
  bool passes_gradient_through_ = false, reads_variable_ = false, thread_sensitive_ = false;
  TiledFn tiled_;
  FlopsFn flops_;
  ControlFlow flow_ = ControlFlow::kNone;
  std::vector<MissingKernel> missing_kernels_;
  absl::Status status_;
};

// Parsing of the schema grammar, for OpSpec and its tests.
absl::StatusOr<ArgSpec> ParseArg(absl::string_view text);
absl::StatusOr<AttrSpec> ParseAttr(absl::string_view text);

// The ops that a graph may use. Built explicitly (ops::Builtin(), or your own): there are no static
// registrars.
class OpRegistry {
 public:
  // InvalidArgument for a malformed schema, AlreadyExists for a second op of that name.
  absl::Status Add(OpSpec spec);
  const OpSpec* Find(absl::string_view name) const;  // null when absent
  std::vector<const OpSpec*> ops() const;            // by name

  // A gradient function that nodes ask for by name, in the attr _gradient_op_type
  // (Scope::GradientOverride; tf.RegisterGradient, rule GR-15). AlreadyExists for a second one.
  absl::Status AddGradient(absl::string_view name, GradientFn gradient);
  const GradientFn* FindGradient(absl::string_view name) const;  // null when absent

  // A rewrite that plans apply, after those added before. AlreadyExists for a second one of that
  // name.
  absl::Status AddRewrite(Rewrite rewrite);
  const std::vector<Rewrite>& rewrites() const { return rewrites_; }

 private:
  std::vector<Rewrite> rewrites_;
  absl::flat_hash_map<std::string, GradientFn> gradients_;
  absl::flat_hash_map<std::string, std::shared_ptr<const OpSpec>> specs_;
};

// Checks a node's attributes against the schema and fills defaults: every attr of the schema
// present with its type, its allowed values and minimum kept; no attr that the schema lacks, except
// names that begin with '_'. InvalidArgument otherwise ("attr 'padding' is "FULL", must be one of
// ...").
absl::Status CheckAttrs(const OpSpec& spec, AttrMap* attrs);

// The dtypes of flat inputs or outputs for complete attributes (counts and type lists expanded;
// reference arguments are RefType).
absl::StatusOr<std::vector<DType>> ArgTypes(const std::vector<ArgSpec>& args, const AttrMap& attrs);

}  // namespace sluice

#endif  // SLUICE_GRAPH_OP_SPEC_H_
