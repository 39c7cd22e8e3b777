#include "train/saver.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/node.h"
#include "gtest/gtest.h"
#include "io/bundle_files.h"
#include "io/tensor_bundle.h"
#include "ops/all_ops.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "train/adam.h"
#include "train/checkpoint_state.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A graph with the variables conv1/kernel (float [2]) and conv1/bias (double scalar).
class SaverTest : public ::testing::Test {
 protected:
  SaverTest()
      : kernel_(Make("conv1/kernel", Tensor::Of<float>({2}, {1, 2}))),
        bias_(Make("conv1/bias", Tensor::Scalar(3.0))) {
    EXPECT_THAT(files_.CreateDirectories("/run"), IsOk());
  }

  Output Constant(const Tensor& value) {
    return At(root_).Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
  }
  Variable Make(const std::string& name, const Tensor& value) {
    return GetVariable(
        root_, name,
        {.shape = value.shape(),
         .dtype = value.dtype(),
         .initializer = [value](At at, const TensorShape&, DType dtype) {
           return at.Named("Const").Node("Const", {}, {{"value", value}, {"dtype", dtype}});
         }});
  }
  SaverOptions InMemory(SaverOptions options = {}) {
    options.fs = &files_;
    return options;
  }
  Session Start(bool initialize = true) {
    const Output init = GlobalVariablesInitializer(root_);
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (initialize) {
      EXPECT_THAT(session->Run(init), IsOk());
    }
    return *std::move(session);
  }
  // Makes kernel {value, value}.
  void Set(Session& session, float value) {
    const Tensor t = Tensor::Of<float>({2}, {value, value});
    if (assign_.empty()) {
      fed_ = At(root_).Node("Placeholder", {},
                            {{"dtype", DType::kFloat}, {"shape", TensorShape({2})}});
      assign_ = kernel_.Assign(root_, fed_);
    }
    EXPECT_THAT(session.Run({{fed_, t}}, Outputs{assign_}), IsOk());
  }
  float Get(Session& session) {
    const auto values = session.Run({}, {kernel_.value()});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0].data<float>()[1] : -1;
  }
  void FlipBit(const std::string& path, size_t byte) {
    std::string bytes = files_.Get(path);
    ASSERT_LT(byte, bytes.size());
    bytes[byte] ^= 4;
    files_.Set(path, bytes);
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
  Variable kernel_, bias_;
  Output fed_, assign_;
  MemoryFileSystem files_;
};

// --- the graph
// -------------------------------------------------------------------------------------

TEST_F(SaverTest, AddsTensorFlowsNodes) {  // SV-2, listing EX-7
  Saver saver(graph_);
  ASSERT_EQ(graph_.status(), absl::OkStatus());
  for (const char* name :
       {"save/filename/input", "save/filename", "save/Const", "save/SaveV2/tensor_names",
        "save/SaveV2/shape_and_slices", "save/SaveV2", "save/control_dependency",
        "save/RestoreV2/tensor_names", "save/RestoreV2/shape_and_slices", "save/RestoreV2",
        "save/AssignVariableOp", "save/AssignVariableOp_1", "save/restore_all",
        "save/random_run"}) {
    EXPECT_NE(graph_.FindNode(name), nullptr) << name;
  }
  const auto names = [&](const char* node) {
    const Tensor value = graph_.FindNode(node)->attr<Tensor>("value");
    return std::vector<std::string>(value.flat<std::string>().begin(),
                                    value.flat<std::string>().end());
  };
  EXPECT_THAT(names("save/RestoreV2/tensor_names"), ElementsAre("conv1/bias", "conv1/kernel"));
  EXPECT_THAT(names("save/SaveV2/tensor_names"),
              ElementsAre("conv1/bias", "conv1/kernel", "_sluice/random_run"));
  Saver second(graph_);
  EXPECT_NE(graph_.FindNode("save_1/restore_all"), nullptr);
}

TEST_F(SaverTest, TheGraphsOwnOpsSaveAndRestore) {
  Saver saver(graph_);
  const std::string prefix = JoinPath(::testing::TempDir(), "own_ops");
  const Feeds name = {{graph_.FindTensor("save/Const:0").value(), Tensor::Scalar(prefix)}};
  Session session = Start();
  Set(session, 5);
  ASSERT_THAT(session.Run(name, {graph_.FindTensor("save/control_dependency:0").value()}), IsOk());
  Session other = Start(/*initialize=*/false);
  ASSERT_THAT(other.Run(name, Outputs{graph_.FindOperation("save/restore_all").value()}), IsOk());
  EXPECT_EQ(Get(other), 5);
}

// SV-1
TEST_F(SaverTest, ErrorsOfTheConstructor) {
  const auto error = [&](SaverOptions options) {
    Graph graph(ops::Builtin());
    const Variable a = NewVariable(
        Scope::Root(graph).Named("a"),
        At(Scope::Root(graph))
            .Node("Const", {}, {{"value", Tensor::Scalar(1.0f)}, {"dtype", DType::kFloat}}));
    if (options.name == "twice") options.var_list = {a, a};
    if (options.name == "two_names") options.var_map = {{"x", a}, {"y", a}};
    if (options.name == "empty") options.var_list = {Variable()};
    Saver saver(graph, options);
    return graph.status();
  };
  EXPECT_THAT(error({.name = "twice"}), StatusIs(StatusCode::kInvalidArgument,
                                                 "At least two variables have the same name: a"));
  EXPECT_THAT(error({.name = "two_names"}),
              StatusIs(StatusCode::kInvalidArgument,
                       "The same saveable will be restored with two names: y"));
  EXPECT_THAT(error({.name = "empty"}),
              StatusIs(StatusCode::kInvalidArgument, "Variable to save is not a Variable"));
  Graph nothing(ops::Builtin());
  Saver allowed(nothing, {.allow_empty = true});
  EXPECT_EQ(nothing.status(), absl::OkStatus());
  Saver saver(nothing);
  EXPECT_THAT(nothing.status(), StatusIs(StatusCode::kInvalidArgument, "No variables to save"));
  EXPECT_THAT(nothing.status(), StatusIs(StatusCode::kInvalidArgument, "saver_test.cc"));
}

// --- saving and restoring
// --------------------------------------------------------------------------

// SV-3
TEST_F(SaverTest, RoundTrip) {
  Saver saver(graph_, InMemory());
  Session session = Start();
  Set(session, 7);
  session.set_random_run(41);
  const auto prefix = saver.Save(session, "/run/model", 10);
  ASSERT_THAT(prefix, IsOk());
  EXPECT_EQ(*prefix, "/run/model-10");
  EXPECT_EQ(saver.last_checkpoint(), "/run/model-10");
  EXPECT_THAT(files_.Paths(), ElementsAre("/run/checkpoint", "/run/model-10.data-00000-of-00001",
                                          "/run/model-10.index", "/run/model-10.meta"));
  Session other = Start(/*initialize=*/false);
  ASSERT_THAT(saver.Restore(other, *prefix), IsOk());
  EXPECT_EQ(Get(other), 7);
  EXPECT_EQ(other.random_run(), 41u);
  EXPECT_EQ(LatestCheckpoint("/run", files_), "/run/model-10");
  EXPECT_EQ(LatestCheckpoint("/elsewhere", files_), std::nullopt);
}

TEST_F(SaverTest, NamesOfCheckpoints) {
  Session session = Start();
  Saver plain(graph_, InMemory());
  EXPECT_EQ(plain.Save(session, "/run/model").value(), "/run/model");
  Saver padded(graph_, InMemory({.pad_step_number = true}));
  EXPECT_EQ(padded.Save(session, "/run/model", 123).value(), "/run/model-00000123");
}

// SV-4
TEST_F(SaverTest, PathsInTheStateFile) {
  Session session = Start();
  double now = 1000;
  const auto clock = [&] { return now; };
  Saver saver(graph_, InMemory({.clock = clock}));
  ASSERT_THAT(saver.Save(session, "/run/model", 1), IsOk());
  now = 2000.5;
  ASSERT_THAT(saver.Save(session, "/run/model", 2), IsOk());
  EXPECT_EQ(files_.Get("/run/checkpoint"),
            "model_checkpoint_path: \"/run/model-2\"\n"
            "all_model_checkpoint_paths: \"/run/model-1\"\n"
            "all_model_checkpoint_paths: \"/run/model-2\"\n"
            "all_model_checkpoint_timestamps: 1000\n"
            "all_model_checkpoint_timestamps: 2000.5\n");
  // A relative directory is not repeated in the file: it can be moved.
  ASSERT_THAT(files_.CreateDirectories("here"), IsOk());
  Saver relative(graph_, InMemory({.clock = clock}));
  ASSERT_THAT(relative.Save(session, "here/model", 1), IsOk());
  EXPECT_EQ(files_.Get("here/checkpoint"),
            "model_checkpoint_path: \"model-1\"\nall_model_checkpoint_paths: \"model-1\"\n"
            "all_model_checkpoint_timestamps: 2000.5\n");
  EXPECT_EQ(LatestCheckpoint("here", files_), "here/model-1");
  Saver forced(graph_, InMemory({.save_relative_paths = true}));
  ASSERT_THAT(forced.Save(session, "/run/model", 3), IsOk());
  EXPECT_THAT(files_.Get("/run/checkpoint"), HasSubstr("model_checkpoint_path: \"model-3\""));
}

TEST_F(SaverTest, RestoresWhatTensorFlowWrote) {  // no key of ours, keys that we do not know
  auto writer = BundleWriter::Create(files_, "/run/tf").value();
  ASSERT_THAT(writer->Add("conv1/kernel", Tensor::Of<float>({2}, {8, 9})), IsOk());
  ASSERT_THAT(writer->Add("extra", Tensor::Scalar(true)), IsOk());
  ASSERT_THAT(writer->Add("conv1/bias", Tensor::Scalar(0.5)), IsOk());
  ASSERT_THAT(writer->Finish(), IsOk());
  Saver saver(graph_, InMemory());
  Session session = Start();
  session.set_random_run(5);
  ASSERT_THAT(saver.Restore(session, "/run/tf"), IsOk());
  EXPECT_EQ(Get(session), 9);
  EXPECT_EQ(session.random_run(), 5u);
}

TEST_F(SaverTest, OtherKeysAndPartsOfTheVariables) {
  Saver saver(graph_, InMemory({.var_map = {{"old/name", kernel_}}}));
  Session session = Start();
  Set(session, 4);
  ASSERT_THAT(saver.Save(session, "/run/m"), IsOk());
  const auto reader = BundleReader::Open(files_, "/run/m").value();
  EXPECT_TRUE(reader->Contains("old/name"));
  EXPECT_FALSE(reader->Contains("conv1/bias"));
  Session other = Start();
  ASSERT_THAT(saver.Restore(other, "/run/m"), IsOk());
  EXPECT_EQ(Get(other), 4);
}

// SV-3
TEST_F(SaverTest, ErrorsOfSave) {
  Saver saver(graph_, InMemory());
  Session session = Start();
  EXPECT_THAT(saver.Save(session, "/missing/model"),
              StatusIs(StatusCode::kInvalidArgument,
                       "Parent directory of /missing/model doesn't exist, can't save."));
  EXPECT_THAT(
      saver.Save(session, "/run/model", 1, {.latest_filename = "a/b"}),
      StatusIs(StatusCode::kInvalidArgument, "'latest_filename' must not contain path components"));
  EXPECT_THAT(saver.Save(session, "/run/checkpoint"),
              StatusIs(StatusCode::kInvalidArgument, "collides with 'save_path'"));
  EXPECT_THAT(saver.Save(session, "/run/"), StatusIs(StatusCode::kInvalidArgument, "directory"));
  Session empty = Start(/*initialize=*/false);
  EXPECT_THAT(
      saver.Save(empty, "/run/model"),
      StatusIs(StatusCode::kFailedPrecondition, "Error while reading resource variable conv1/"));
  EXPECT_THAT(files_.Paths(), IsEmpty());
}

// SV-6, SV-8
TEST_F(SaverTest, ErrorsOfRestoreChangeNothing) {
  const auto write = [&](const std::string& prefix, const std::string& kernel_key,
                         const Tensor& kernel) {
    auto writer = BundleWriter::Create(files_, prefix).value();
    // The bias comes first: a restore that checked late would have changed it.
    ASSERT_THAT(writer->Add("conv1/bias", Tensor::Scalar(99.0)), IsOk());
    ASSERT_THAT(writer->Add(kernel_key, kernel), IsOk());
    ASSERT_THAT(writer->Finish(), IsOk());
  };
  const Tensor two = Tensor::Of<float>({2}, {1, 2});
  write("/run/key", "other", two);
  write("/run/shape", "conv1/kernel", Tensor::Of<float>({3}, {1, 2, 3}));
  write("/run/dtype", "conv1/kernel", Tensor::Of<int32_t>({2}, {1, 2}));
  write("/run/damaged", "conv1/kernel", two);
  FlipBit("/run/damaged.data-00000-of-00001", 9);

  Saver saver(graph_, InMemory());
  Session session = Start();
  EXPECT_THAT(saver.Restore(session, ""),
              StatusIs(StatusCode::kInvalidArgument, "Can't load save_path when it is None."));
  EXPECT_THAT(saver.Restore(session, "/run/none"),
              StatusIs(StatusCode::kInvalidArgument,
                       "The passed save_path is not a valid checkpoint: /run/none"));
  const absl::Status key = saver.Restore(session, "/run/key");
  EXPECT_THAT(key, StatusIs(StatusCode::kNotFound,
                            "Restoring from checkpoint failed. This is most "
                            "likely due to a Variable name or other graph "
                            "key that is missing"));
  EXPECT_THAT(key, StatusIs(StatusCode::kNotFound, "Key conv1/kernel not found in checkpoint"));
  const absl::Status shape = saver.Restore(session, "/run/shape");
  EXPECT_THAT(shape, StatusIs(StatusCode::kInvalidArgument,
                              "a mismatch between the current graph and the graph"));
  EXPECT_THAT(shape, StatusIs(StatusCode::kInvalidArgument,
                              "Assign requires shapes of both tensors to match. lhs shape= [2] rhs "
                              "shape= [3]"));
  EXPECT_THAT(saver.Restore(session, "/run/dtype"),
              StatusIs(StatusCode::kInvalidArgument,
                       "expected dtype float32 does not equal original dtype int32"));
  EXPECT_THAT(saver.Restore(session, "/run/damaged"), StatusIs(StatusCode::kDataLoss, ""));
  const auto values = session.Run({}, {kernel_.value(), bias_.value()});
  ASSERT_THAT(values, IsOk());
  ExpectClose((*values)[0], two);
  ExpectClose((*values)[1], Tensor::Scalar(3.0));
}

TEST_F(SaverTest, ASessionOfAnotherGraphIsRefused) {
  Saver saver(graph_, InMemory());
  Graph other(ops::Builtin());
  const Output x = At(Scope::Root(other)).Node("NoOp");
  Session session = Session::Create(other).value();
  EXPECT_THAT(saver.Save(session, "/run/model"),
              StatusIs(StatusCode::kInvalidArgument, "another graph"));
}

TEST_F(SaverTest, ExportedMetaGraphsNameTheSaver) {
  Saver saver(graph_, InMemory());
  ASSERT_THAT(saver.ExportMetaGraph("/run/g.meta"), IsOk());
  proto::MetaGraphDef def;
  ASSERT_TRUE(def.ParseFromString(files_.Get("/run/g.meta")));
  EXPECT_EQ(def.saver_def().filename_tensor_name(), "save/Const:0");
  EXPECT_EQ(def.saver_def().save_tensor_name(), "save/control_dependency:0");
  EXPECT_EQ(def.saver_def().restore_op_name(), "save/restore_all");
  EXPECT_EQ(def.saver_def().max_to_keep(), 5);
  EXPECT_EQ(def.saver_def().version(), proto::SaverDef::V2);
}

// --- how many are kept (rule SV-5)
// -----------------------------------------------------------------

// SV-5
TEST_F(SaverTest, OldCheckpointsAreDeleted) {
  Saver saver(graph_, InMemory({.max_to_keep = 2}));
  Session session = Start();
  const auto save = [&](int step) {
    EXPECT_THAT(saver.Save(session, "/run/s", step), IsOk());
    return saver.last_checkpoints();
  };
  save(1);
  save(2);
  EXPECT_THAT(save(3), ElementsAre("/run/s-2", "/run/s-3"));
  for (const std::string& path : files_.Paths())
    EXPECT_THAT(path, ::testing::Not(HasSubstr("s-1")));
  EXPECT_THAT(save(2), ElementsAre("/run/s-3", "/run/s-2"));
  EXPECT_THAT(save(1), ElementsAre("/run/s-2", "/run/s-1"));
  EXPECT_FALSE(BundleExists(files_, "/run/s-3"));
  EXPECT_TRUE(BundleExists(files_, "/run/s-1"));
  EXPECT_EQ(ReadCheckpointState(files_, "/run")->latest, "/run/s-1");
}

TEST_F(SaverTest, ZeroKeepsAll) {
  Saver saver(graph_, InMemory({.max_to_keep = 0}));
  Session session = Start();
  for (int step = 1; step <= 3; ++step) EXPECT_THAT(saver.Save(session, "/run/s", step), IsOk());
  EXPECT_THAT(saver.last_checkpoints(), IsEmpty());
  EXPECT_TRUE(BundleExists(files_, "/run/s-1"));
  EXPECT_THAT(ReadCheckpointState(files_, "/run")->all, ElementsAre("/run/s-3"));
}

TEST_F(SaverTest, OneInNHoursIsPreserved) {
  double now = 1000;
  Saver saver(graph_, InMemory({.max_to_keep = 1, .keep_checkpoint_every_n_hours = 1, .clock = [&] {
                                  return now;
                                }}));
  Session session = Start();
  for (int step = 1; step <= 6; ++step) {  // at 2000, 3000, ..., 7000 seconds
    now += 1000;
    ASSERT_THAT(saver.Save(session, "/run/s", step), IsOk());
  }
  // The first that is younger than 1000 + 3600 is the one at 5000.
  EXPECT_FALSE(BundleExists(files_, "/run/s-3"));
  EXPECT_TRUE(BundleExists(files_, "/run/s-4"));
  EXPECT_FALSE(BundleExists(files_, "/run/s-5"));
  EXPECT_TRUE(BundleExists(files_, "/run/s-6"));
}

// --- falling back
// ----------------------------------------------------------------------------------

class FallbackTest : public SaverTest {
 protected:
  FallbackTest() : saver_(graph_, InMemory()) {
    Session session = Start();
    for (int step = 1; step <= 3; ++step) {
      Set(session, step);
      EXPECT_THAT(saver_.Save(session, "/run/s", step), IsOk());
    }
  }
  // What a fresh session gets.
  absl::StatusOr<float> Latest() {
    Session session = Start();
    SLUICE_ASSIGN_OR_RETURN(const std::string prefix, saver_.RestoreLatest(session, "/run"));
    return Get(session);
  }
  Saver saver_;
};

TEST_F(FallbackTest, TheNewest) { EXPECT_EQ(Latest().value(), 3); }

TEST_F(FallbackTest, DamageFallsBack) {
  FlipBit("/run/s-3.data-00000-of-00001", 0);
  EXPECT_EQ(Latest().value(), 2);
  files_.Set("/run/s-2.index", files_.Get("/run/s-2.index").substr(0, 40));
  EXPECT_EQ(Latest().value(), 1);
  ASSERT_THAT(files_.Delete("/run/s-1.data-00000-of-00001"), IsOk());
  const absl::Status none = Latest().status();
  EXPECT_THAT(none, StatusIs(StatusCode::kDataLoss, "none of the 3 checkpoints in /run"));
  for (const char* prefix : {"/run/s-1: ", "/run/s-2: ", "/run/s-3: "}) {
    EXPECT_THAT(none, StatusIs(StatusCode::kDataLoss, prefix));
  }
}

TEST_F(FallbackTest, EveryTruncationOfTheNewest) {
  for (const char* suffix : {".index", ".data-00000-of-00001"}) {
    const std::string path = absl::StrCat("/run/s-3", suffix), whole = files_.Get(path);
    for (size_t length = 0; length < whole.size(); length += 7) {
      files_.Set(path, whole.substr(0, length));
      EXPECT_EQ(Latest().value(), 2) << path << " " << length;
    }
    files_.Set(path, whole);
  }
}

TEST_F(FallbackTest, AStateFileThatIsNoneDoesNotMatter) {
  for (const char* text : {"", "nonsense", "\xff\xfe", "model_checkpoint_path: 3"}) {
    files_.Set("/run/checkpoint", text);
    EXPECT_EQ(Latest().value(), 3) << text;
    EXPECT_EQ(LatestCheckpoint("/run", files_), std::nullopt);
  }
  ASSERT_THAT(files_.Delete("/run/checkpoint"), IsOk());
  EXPECT_EQ(Latest().value(), 3);
}

TEST_F(FallbackTest, NothingThere) {
  Session session = Start();
  EXPECT_THAT(saver_.RestoreLatest(session, "/empty"),
              StatusIs(StatusCode::kNotFound, "no checkpoint in /empty"));
}

TEST_F(FallbackTest, AResumedRunGoesOnDeleting) {
  Saver resumed(graph_, InMemory({.max_to_keep = 2}));
  Session session = Start();
  ASSERT_THAT(resumed.RestoreLatest(session, "/run"), IsOk());
  ASSERT_THAT(resumed.Save(session, "/run/s", 4), IsOk());
  EXPECT_THAT(resumed.last_checkpoints(), ElementsAre("/run/s-3", "/run/s-4"));
  EXPECT_FALSE(BundleExists(files_, "/run/s-1"));
  EXPECT_FALSE(BundleExists(files_, "/run/s-2"));
}

TEST_F(FallbackTest, BundlesOfOthersAreTriedLastAndNeverDeleted) {
  Session session = Start();
  Set(session, 50);
  Saver other(graph_, InMemory());
  ASSERT_THAT(other.Save(session, "/run/best", std::nullopt, {.write_state = false}), IsOk());
  EXPECT_EQ(Latest().value(), 3);
  Saver resumed(graph_, InMemory({.max_to_keep = 1}));
  ASSERT_THAT(resumed.RestoreLatest(session, "/run"), IsOk());
  ASSERT_THAT(resumed.Save(session, "/run/s", 4), IsOk());
  EXPECT_FALSE(BundleExists(files_, "/run/s-3"));
  EXPECT_TRUE(BundleExists(files_, "/run/best"));
  FlipBit("/run/s-4.data-00000-of-00001", 0);
  EXPECT_EQ(Latest().value(), 50);
}

// --- failures of the disk
// --------------------------------------------------------------------------

// Saves 1, then 2 while call number n fails; the checkpoint that a fresh session then finds is one
// of the two, whole.
class FaultTest : public SaverTest {
 protected:
  struct Outcome {
    absl::Status saved;
    int64_t calls = 0;
  };
  // `fail` arms the file system for the second save.
  Outcome SaveTwice(FaultyFileSystem& faulty, Session& session, const std::function<void()>& fail) {
    Saver saver(graph_, {.max_to_keep = 1, .fs = &faulty});
    Set(session, 1);
    EXPECT_THAT(saver.Save(session, "/run/s", 1), IsOk());
    Set(session, 2);
    fail();
    Outcome outcome;
    outcome.saved = saver.Save(session, "/run/s", 2).status();
    outcome.calls = faulty.calls();
    faulty.FailCall(0, absl::OkStatus());
    return outcome;
  }
  // Restores into a session that holds 99.
  absl::StatusOr<float> Found() {
    Saver saver(graph_, InMemory());
    Session session = Start();
    Set(session, 99);
    SLUICE_ASSIGN_OR_RETURN(const std::string prefix, saver.RestoreLatest(session, "/run"));
    return Get(session);
  }
};

TEST_F(FaultTest, AnyFailingCallLeavesAGoodCheckpoint) {
  Session session = Start();
  int64_t calls = 0;
  for (int64_t n = 0; n <= calls; ++n) {
    files_ = MemoryFileSystem();
    ASSERT_THAT(files_.CreateDirectories("/run"), IsOk());
    FaultyFileSystem faulty(files_);
    const absl::Status full = absl::ResourceExhaustedError("disk full");
    const Outcome outcome = SaveTwice(faulty, session, [&] { faulty.FailCall(n, full); });
    if (n == 0) {
      calls = outcome.calls;
      ASSERT_THAT(outcome.saved, IsOk());
      ASSERT_GT(calls, 10);
    }
    SCOPED_TRACE(absl::StrCat("call ", n, " of ", calls, ": ", outcome.saved.ToString()));
    const absl::StatusOr<float> found = Found();
    ASSERT_THAT(found, IsOk());
    EXPECT_TRUE(*found == 2 || (*found == 1 && !outcome.saved.ok())) << *found;
    // And the next save succeeds and leaves nothing behind but its own files.
    Saver again(graph_, InMemory({.max_to_keep = 1}));
    Set(session, 3);
    ASSERT_THAT(again.Save(session, "/run/s", 3), IsOk());
    EXPECT_EQ(Found().value(), 3);
    for (const std::string& path : files_.Paths()) {
      EXPECT_THAT(path, ::testing::Not(HasSubstr(".tmp")));
    }
  }
}

TEST_F(FaultTest, PowerMayFailAtAnyCall) {
  Session session = Start();
  int64_t calls = 1000;
  for (int64_t n = 1; n <= calls; ++n) {
    for (uint64_t kept :
         {uint64_t{0}, ~uint64_t{0}, uint64_t{0x5555555555555555}, uint64_t{0xAAAAAAAAAAAAAAAA}}) {
      files_ = MemoryFileSystem();
      ASSERT_THAT(files_.CreateDirectories("/run"), IsOk());
      ASSERT_THAT(files_.SyncDirectory("/run"), IsOk());
      FaultyFileSystem faulty(files_);
      const Outcome outcome =
          SaveTwice(faulty, session, [&] { faulty.FailFrom(n, absl::DataLossError("no power")); });
      if (outcome.saved.ok()) calls = n;  // nothing was left to fail
      files_.LosePower(kept);
      SCOPED_TRACE(absl::StrCat("call ", n, ", kept ", kept));
      const absl::StatusOr<float> found = Found();
      ASSERT_THAT(found, IsOk());
      EXPECT_TRUE(*found == 1 || *found == 2) << *found;
    }
  }
}

// --- resuming
// --------------------------------------------------------------------------------------

TEST_F(SaverTest, AResumedRunHasTheSameBits) {
  const Output target = Constant(Tensor::Of<float>({2}, {.3f, -.7f}));
  const Output error = At(root_).Node("Sub", {kernel_, target});
  const Output loss =
      At(root_).Node("Sum", {At(root_).Node("Mul", {error, error}), Constant(Tensor::Scalar(0))});
  const Output train = Adam({.learning_rate = 0.05}).Minimize(root_, loss, {.var_list = {kernel_}});
  Saver saver(graph_, InMemory());
  Outputs all;
  for (const Variable& v : graph_.GlobalVariables()) all.push_back(v.value());
  const int n = 137;
  Session straight = Start();
  for (int i = 0; i < 2 * n; ++i) ASSERT_THAT(straight.Run(train), IsOk());
  Session first = Start();
  for (int i = 0; i < n; ++i) ASSERT_THAT(first.Run(train), IsOk());
  ASSERT_THAT(saver.Save(first, "/run/s", n), IsOk());
  Session second = Start(/*initialize=*/false);
  ASSERT_THAT(saver.RestoreLatest(second, "/run"), IsOk());
  for (int i = 0; i < n; ++i) ASSERT_THAT(second.Run(train), IsOk());
  const auto want = straight.Run({}, all), got = second.Run({}, all);
  ASSERT_THAT(want, IsOk());
  ASSERT_THAT(got, IsOk());
  for (size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(BitEqual((*want)[i], (*got)[i])) << i;
}

}  // namespace
}  // namespace sluice::train
