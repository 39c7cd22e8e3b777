// Dispatch, help and exit codes.
#include <cstdio>
#include <new>

#include "absl/strings/str_cat.h"
#include "tools/sluice/commands.h"

namespace sluice::tools {
namespace {

constexpr char kUsagePayload[] = "sluice/usage";

constexpr char kHelp[] = R"(sluice: runs, differentiates and shows computation graphs

  sluice run GRAPH [--feed NAME=FILE.npy]... --fetch NAME:0... --out DIR
      Runs the graph and writes every fetched tensor to DIR/<NAME_0>.npy (/ and : become _).
      Any tensor may be fed: its value replaces what the graph would compute.

      --checkpoint PREFIX: where the variables have their values from.

  sluice run SAVED_MODEL_DIR [--signature KEY] [--tags A,B] [--feed INPUTKEY=FILE.npy]... --out DIR
      Loads a SavedModel with its variables, runs a signature (default: serving_default, or the only one)
      and writes DIR/<output key>.npy. A sparse input is KEY.values, KEY.indices and KEY.dense_shape.
      --tags: which of its graphs (default: serve, or the only one). With --fetch: tensors, as above.

  sluice grad GRAPH --loss NAME:0 --wrt NAME:0... [--feed NAME=FILE.npy]... --out DIR
      Writes d(sum of loss)/d(wrt) the same way, a file per --wrt tensor.

  sluice inspect GRAPH | CHECKPOINT-PREFIX | FILE.npz | FILE.safetensors | SAVED_MODEL_DIR | EVENTFILE |
      LOGDIR [--json]
      Prints nodes by op type, placeholders, variables by scope with parameter counts, and collections
      of a graph, or the tensors of a file by scope (after checking every byte of it), or the tags,
      signatures, assets, ops, functions and variables of a SavedModel, or what event files hold: counts
      by kind, tags with steps, scalars with min, max and last value, graphs.
      --trace TAG=OUT.json: a run that an event file holds under that tag, for chrome://tracing.

  sluice summary GRAPH [--json]
      Prints the layers of a model, inferred from scopes: type, output shape, parameters, floating-point
      operations of one example, and the layers that feed each; then the totals.

  sluice lint GRAPH [--fetch NAME]... [--init NAME] [--strict] [--json]
      Prints what is probably a mistake, a line each: variables without initializer, trainables without
      gradient, updates and regularizers that no train op runs, placeholders that nothing reads; and
      which variables several layers share. --fetch: what the program runs (default: the train ops);
      --init: what initializes its variables; --strict: exit with 1 when there are warnings.

  sluice sparsity CHECKPOINT-PREFIX [--json]
      Prints how much of each weight its mask (a variable "mask" in the same scope) has pruned: zeros,
      and output channels that are gone as a whole.

  sluice plan GRAPH --fetch NAME... [--feed-shape NAME=2x28x28x1]... [--disable REWRITE]... [--no-optimize]
      [--json]
      Compiles a run and prints its steps with what they make, where it lives and the floating-point
      operations; then the rewrites that were applied and the memory. Placeholders have their own shapes
      (a batch of 1) unless --feed-shape says otherwise; a scalar is NAME=scalar.

  sluice profile GRAPH --fetch NAME... [--feed NAME=FILE.npy]... [--feed-shape NAME=2x28x28x1]...
      [--init OP | --checkpoint PREFIX] [--runs N] [--by step|op] [--trace OUT.json] [--json]
      [--disable REWRITE]... [--no-optimize]
      Runs it N times (default 20) and prints which steps, or ops, take the time: median time, share of
      the run, bytes moved, operations, and the share of what this machine could do at most (measured by a
      matrix product and a copy in memory; data in the caches may pass 100 %). What is not fed gets made-up
      numbers. Variables get their values from --checkpoint or from --init (default: the op "init").
      --trace: the run for chrome://tracing.

  sluice convert IN OUT [--skip NAME]...
      Tensors from one format to another: a checkpoint (its prefix; also of version 1, and directories),
      .npz or .safetensors to .npz, .safetensors or the prefix of a checkpoint. What the format of OUT
      cannot hold (.npz: bfloat16, quantized, strings; .safetensors: strings, complex, quantized) is an
      error unless --skip leaves it out. A graph, MetaGraph or SavedModel between binary (.pb, .meta) and
      text (.pbtxt, .meta.txt), message for message: nothing is imported, nothing gets lost.

  sluice ckpt rename PREFIX OUT-PREFIX [--map OLD=NEW]... [--regex PATTERN=REPLACEMENT]...
      The checkpoint under other names, with the same values and slices. OLD/=NEW/ renames a scope;
      a pattern is replaced wherever it matches (\1 is its first group). Rules that match nothing and
      names that become equal are errors.

  sluice dot GRAPH | SAVED_MODEL_DIR [--tags A,B] [--depth N] [--expand SCOPE...] [--out FILE.dot]
  sluice svg GRAPH | SAVED_MODEL_DIR [--tags A,B] [--depth N] [--expand SCOPE...] [--out FILE.svg]
      A picture of the graph, folded by scope until it is readable, as Graphviz's dot text or as SVG.
      Weights and constants stand in the boxes of their readers; what trains, saves and initializes the
      model is set aside. --depth: scopes are open down to that depth; --expand: these are open.

  sluice freeze GRAPH | SAVED_MODEL_DIR [--checkpoint PREFIX] --outputs NAME[,NAME]... --out FILE.pb
      [--inputs NAME[=?x28x28x1],...] [--set NAME=VALUE]... [--no-fold] [--report] [--json]
      Writes what the outputs need, variables as constants, for inference here and elsewhere: batch
      normalization folded into weights, dropout, identities and checks removed, constants computed.
      --checkpoint: default for MODEL.meta: MODEL. --inputs: where the graph is cut, with new shapes.
      --set: what placeholders are ("training=false"); branches that are not taken go. A SavedModel has
      the outputs of its --signature KEY where --outputs is missing. --report: bytes of each weight now,
      as float16 and as int8.

  sluice diff A B [--tags A,B] [--json]
      Compares two graphs up to names, a graph's variables and a checkpoint's tensors, or two checkpoints
      with their values. Prints "equal", "equal up to renaming" (of graphs; what was renamed follows), or
      "different" and what differs, and exits with 1. Graphs may be SavedModels.

  sluice ops [NAME]... [--json]
      Prints what this build can run, a line per op, fields between tabs: its name, the types that each
      type attribute may have, whether it has a gradient (or why not), and whether its result is the same
      every time: yes; seeded (random numbers that follow from its seed attributes); random; stateful.

GRAPH is a GraphDef (.pb, or text .pbtxt), a MetaGraphDef (.meta) or a SavedModel (its directory).

  --memory-limit SIZE   refuse to hold more than SIZE bytes of tensors (512M, 2G); default 80 % of memory
  --threads N           threads of a run; default: every core

Exit codes: 0 done; 1 refused or failed, the message says why; 2 the command line makes no sense;
3 an op or dtype that Sluice does not have.
)";

struct Command {
  const char* name;
  absl::Status (*run)(const std::vector<std::string>&);
};
constexpr char kNames[] =
    "run, grad, inspect, summary, lint, sparsity, plan, profile, freeze, diff, convert, ckpt, dot, "
    "svg or ops";
constexpr Command kCommands[] = {
    {"run", RunCommand},         {"grad", GradCommand},       {"inspect", InspectCommand},
    {"summary", SummaryCommand}, {"lint", LintCommand},       {"sparsity", SparsityCommand},
    {"plan", PlanCommand},       {"profile", ProfileCommand}, {"ops", OpsCommand},
    {"convert", ConvertCommand}, {"ckpt", CkptCommand},       {"dot", DotCommand},
    {"svg", SvgCommand},         {"freeze", FreezeCommand},   {"diff", DiffCommand}};

bool AsksForHelp(const std::vector<std::string>& args) {
  for (const std::string& arg : args) {
    if (arg == "--help" || arg == "-h") return true;
  }
  return !args.empty() && args[0] == "help";
}

absl::Status Dispatch(const std::vector<std::string>& args) {
  if (args.empty()) return UsageError(absl::StrCat("a subcommand is missing: ", kNames));
  for (const Command& command : kCommands) {
    if (args[0] == command.name) return command.run({args.begin() + 1, args.end()});
  }
  return UsageError(absl::StrCat("no subcommand '", args[0], "': ", kNames));
}

}  // namespace

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

int ExitCode(const absl::Status& status) {
  if (status.ok()) return kDone;
  if (status.GetPayload(kUsagePayload).has_value()) return kUsage;
  return status.code() == absl::StatusCode::kUnimplemented ? kUnsupported : kRefused;
}

int Main(const std::vector<std::string>& args) {
  if (AsksForHelp(args)) {
    std::fputs(kHelp, stdout);
    return kDone;
  }
  absl::Status status;
  try {
    status = Dispatch(args);
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("out of memory");
  }
  if (status.ok()) return kDone;
  const int code = ExitCode(status);
  std::fprintf(stderr, "sluice: %s: %s\n", absl::StatusCodeToString(status.code()).c_str(),
               std::string(status.message()).c_str());
  if (code == kUsage) std::fputs("Try 'sluice --help'.\n", stderr);
  return code;
}

}  // namespace sluice::tools
