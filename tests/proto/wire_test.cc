// Pins the wire: every case is a message in text form and its bytes, worked out by hand from
// TensorFlow's field numbers. A byte pair such as `2a` is a tag, field number * 8 + wire type (0
// varint, 1 64 bits, 2 length and bytes, 5 32 bits).

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "proto/bundle.pb.h"
#include "proto/event.pb.h"
#include "proto/example.pb.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "proto/run_metadata.pb.h"
#include "proto/saved_tensor_slice.pb.h"
#include "proto/tensor.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

std::string FromHex(const std::string& spaced) {
  return absl::HexStringToBytes(absl::StrReplaceAll(spaced, {{" ", ""}}));
}

std::unique_ptr<google::protobuf::Message> NewMessage(const std::string& name) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const auto* descriptor = pool->FindMessageTypeByName("sluice.proto." + name);
  if (descriptor == nullptr) return nullptr;
  auto* factory = google::protobuf::MessageFactory::generated_factory();
  return std::unique_ptr<google::protobuf::Message>(factory->GetPrototype(descriptor)->New());
}

struct WireCase {
  const char* message;
  const char* text;
  const char* hex;
};

void PrintTo(const WireCase& c, std::ostream* out) { *out << c.message << " { " << c.text << " }"; }

class WireTest : public testing::TestWithParam<WireCase> {};

TEST_P(WireTest, TextSerializesToTheBytes) {
  auto message = NewMessage(GetParam().message);
  ASSERT_NE(message, nullptr);
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(GetParam().text, message.get()));
  EXPECT_EQ(absl::BytesToHexString(message->SerializeAsString()),
            absl::BytesToHexString(FromHex(GetParam().hex)));
}

TEST_P(WireTest, BytesParseToTheText) {
  auto expected = NewMessage(GetParam().message);
  auto parsed = NewMessage(GetParam().message);
  ASSERT_NE(expected, nullptr);
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(GetParam().text, expected.get()));
  ASSERT_TRUE(parsed->ParseFromString(FromHex(GetParam().hex)));
  EXPECT_EQ(parsed->DebugString(), expected->DebugString());
}

INSTANTIATE_TEST_SUITE_P(
    Types, WireTest,
    testing::Values(WireCase{"TensorShapeProto", R"(dim { size: 2 name: "n" } dim { size: -1 })",
                             "12 05 08 02 12 01 6e  12 0b 08 ff ff ff ff ff ff ff ff ff 01"},
                    WireCase{"TensorShapeProto", "unknown_rank: true", "18 01"},
                    WireCase{"VersionDef", "producer: 27 min_consumer: 12 bad_consumers: [1, 300]",
                             "08 1b  10 0c  1a 03 01 ac 02"}));

INSTANTIATE_TEST_SUITE_P(
    Tensor, WireTest,
    testing::Values(
        WireCase{"TensorProto",
                 "dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: [1, -2]",
                 "08 01  12 04 12 02 08 02  2a 08 00 00 80 3f 00 00 00 c0"},
        WireCase{"TensorProto", R"(tensor_content: "\001\377")", "22 02 01 ff"},
        WireCase{"TensorProto", "double_val: 1", "32 08 00 00 00 00 00 00 f0 3f"},
        WireCase{"TensorProto", "int_val: [-1, 5]", "3a 0b ff ff ff ff ff ff ff ff ff 01 05"},
        WireCase{"TensorProto", R"(string_val: "a" string_val: "")", "42 01 61  42 00"},
        WireCase{"TensorProto", "scomplex_val: [0, 1]", "4a 08 00 00 00 00 00 00 80 3f"},
        WireCase{"TensorProto", "int64_val: 300", "52 02 ac 02"},
        WireCase{"TensorProto", "bool_val: [true, false]", "5a 02 01 00"},
        WireCase{"TensorProto", "dcomplex_val: 1", "62 08 00 00 00 00 00 00 f0 3f"},
        // The half 1.0 is 0x3c00 = 120 * 128.
        WireCase{"TensorProto", "half_val: 15360", "6a 02 80 78"},
        WireCase{"TensorProto", R"(resource_handle_val { name: "v" })", "72 03 1a 01 76"},
        WireCase{"TensorProto", R"(variant_val { type_name: "t" metadata: "m" tensors {} })",
                 "7a 08 0a 01 74 12 01 6d 1a 00"},
        WireCase{"TensorProto", "uint32_val: 7", "82 01 01 07"},
        WireCase{"TensorProto", "uint64_val: 7", "8a 01 01 07"},
        WireCase{"ResourceHandleProto",
                 R"(device: "d" container: "c" name: "n" hash_code: 1 maybe_type_name: "t"
                    dtypes_and_shapes { dtype: DT_FLOAT shape {} })",
                 "0a 01 64  12 01 63  1a 01 6e  20 01  2a 01 74  32 04 08 01 12 00"},
        WireCase{"TensorSliceProto", "extent { start: 5 length: 2 } extent {}",
                 "0a 04 08 05 10 02  0a 00"},
        WireCase{"NamedTensorProto", R"(name: "n" tensor { dtype: DT_INT32 })",
                 "0a 01 6e  12 02 08 03"}));

INSTANTIATE_TEST_SUITE_P(
    Graph, WireTest,
    testing::Values(
        WireCase{"GraphDef",
                 R"(node { name: "n" }
                    library { function { signature { name: "f" } }
                              gradient { function_name: "f" gradient_func: "g" } }
                    versions { producer: 27 })",
                 "0a 03 0a 01 6e  12 0f 0a 05 0a 03 0a 01 66 12 06 0a 01 66 12 01 67  22 02 08 1b"},
        WireCase{
            "NodeDef",
            R"(name: "a" op: "B" input: "x" input: "^y" device: "/d"
                    attr { key: "T" value { type: DT_FLOAT } }
                    experimental_debug_info { original_node_names: "o" original_func_names: "f" })",
            "0a 01 61  12 01 42  1a 01 78  1a 02 5e 79  22 02 2f 64  2a 07 0a 01 54 12 02 30 01  "
            "32 06 0a 01 6f 12 01 66"},
        WireCase{"AttrValue", R"(s: "x")", "12 01 78"},
        WireCase{"AttrValue", "i: -1", "18 ff ff ff ff ff ff ff ff ff 01"},
        WireCase{"AttrValue", "f: 1", "25 00 00 80 3f"}, WireCase{"AttrValue", "b: true", "28 01"},
        WireCase{"AttrValue", "type: DT_UINT64", "30 17"},
        WireCase{"AttrValue", "shape { unknown_rank: true }", "3a 02 18 01"},
        WireCase{"AttrValue", "tensor { dtype: DT_INT32 }", "42 02 08 03"},
        WireCase{"AttrValue", R"(placeholder: "p")", "4a 01 70"},
        WireCase{"AttrValue", R"(func { name: "f" attr { key: "T" value { b: true } } })",
                 "52 0c 0a 01 66 12 07 0a 01 54 12 02 28 01"},
        WireCase{"AttrValue", "list {}", "0a 00"},
        WireCase{"AttrValue", "list { i: [1, 300] }", "0a 05 1a 03 01 ac 02"},
        WireCase{"AttrValue.ListValue",
                 R"(s: "x" f: 1 b: true type: [DT_FLOAT, DT_INT64] shape {} tensor {} func {})",
                 "12 01 78  22 04 00 00 80 3f  2a 01 01  32 02 01 09  3a 00  42 00  4a 00"},
        WireCase{"FunctionDef",
                 R"(signature { name: "f" } node_def { name: "n" } ret { key: "o" value: "n:y" }
                    attr { key: "T" value { b: true } } control_ret { key: "c" value: "n" }
                    arg_attr { key: 1 value {} } resource_arg_unique_id { key: 1 value: 2 })",
                 "0a 03 0a 01 66  1a 03 0a 01 6e  22 08 0a 01 6f 12 03 6e 3a 79  "
                 "2a 07 0a 01 54 12 02 28 01  32 06 0a 01 63 12 01 6e  3a 04 08 01 12 00  "
                 "42 04 08 01 10 02"},
        WireCase{"OpDef",
                 R"(name: "A" input_arg { name: "x" description: "d" type_attr: "T" is_ref: true }
                    output_arg { name: "y" type: DT_FLOAT number_attr: "N" type_list_attr: "L" }
                    deprecation { version: 9 explanation: "e" }
                    is_aggregate: true is_stateful: true is_commutative: true
                    allows_uninitialized_input: true control_output: "c")",
                 "0a 01 41  12 0c 0a 01 78 12 01 64 22 01 54 80 01 01  "
                 "1a 0b 0a 01 79 18 01 2a 01 4e 32 01 4c  42 05 08 09 12 01 65  "
                 "80 01 01  88 01 01  90 01 01  98 01 01  a2 01 01 63"},
        WireCase{"OpDef", R"(summary: "s" description: "d")", "2a 01 73  32 01 64"},
        WireCase{"OpDef.AttrDef",
                 R"(name: "T" type: "type" default_value { type: DT_FLOAT } description: "d"
                    has_minimum: true minimum: 1 allowed_values { list { type: DT_FLOAT } })",
                 "0a 01 54  12 04 74 79 70 65  1a 02 30 01  22 01 64  28 01  30 01  "
                 "3a 05 0a 03 32 01 01"},
        WireCase{"OpList", R"(op { name: "A" })", "0a 03 0a 01 41"}));

INSTANTIATE_TEST_SUITE_P(
    MetaGraph, WireTest,
    testing::Values(
        WireCase{"SavedModel", "saved_model_schema_version: 1 meta_graphs {}", "08 01  12 00"},
        WireCase{"MetaGraphDef",
                 R"(meta_info_def {} graph_def { node { name: "n" } } saver_def { version: V2 }
                    collection_def { key: "k" value { node_list {} } }
                    signature_def { key: "s" value { method_name: "m" } }
                    asset_file_def { tensor_info { name: "x" } filename: "f" })",
                 "0a 00  12 05 0a 03 0a 01 6e  1a 02 38 02  22 07 0a 01 6b 12 02 0a 00  "
                 "2a 08 0a 01 73 12 03 1a 01 6d  32 08 0a 03 0a 01 78 12 01 66"},
        WireCase{"MetaGraphDef.MetaInfoDef",
                 R"(meta_graph_version: "1" stripped_op_list { op { name: "A" } } any_info {}
                    tags: "t" tensorflow_version: "v" tensorflow_git_version: "g"
                    stripped_default_attrs: true function_aliases { key: "a" value: "b" })",
                 "0a 01 31  12 05 0a 03 0a 01 41  1a 00  22 01 74  2a 01 76  32 01 67  38 01  "
                 "42 06 0a 01 61 12 01 62"},
        WireCase{"CollectionDef", R"(node_list { value: "a" })", "0a 03 0a 01 61"},
        WireCase{"CollectionDef", R"(bytes_list { value: "\001" })", "12 03 0a 01 01"},
        WireCase{"CollectionDef", "int64_list { value: [1, 128] }", "1a 05 0a 03 01 80 01"},
        WireCase{"CollectionDef", "float_list { value: 1 }", "22 06 0a 04 00 00 80 3f"},
        WireCase{"CollectionDef", R"(any_list { value { type_url: "u" } })",
                 "2a 05 0a 03 0a 01 75"},
        WireCase{"SignatureDef",
                 R"(inputs { key: "i" value { name: "x:0" dtype: DT_FLOAT_REF tensor_shape {} } }
                    outputs { key: "o" value {} } method_name: "m"
                    defaults { key: "i" value {} })",
                 "0a 0e 0a 01 69 12 09 0a 03 78 3a 30 10 65 1a 00  12 05 0a 01 6f 12 00  1a 01 6d  "
                 "22 05 0a 01 69 12 00"},
        WireCase{"TensorInfo",
                 R"(coo_sparse { values_tensor_name: "v" indices_tensor_name: "i"
                                 dense_shape_tensor_name: "d" })",
                 "22 09 0a 01 76 12 01 69 1a 01 64"},
        // 10000.0f is 0x461c4000.
        WireCase{"SaverDef",
                 R"(filename_tensor_name: "c" save_tensor_name: "d" restore_op_name: "r"
                    max_to_keep: 5 sharded: true keep_checkpoint_every_n_hours: 10000 version: V2)",
                 "0a 01 63  12 01 64  1a 01 72  20 05  28 01  35 00 40 1c 46  38 02"},
        WireCase{
            "VariableDef",
            R"(variable_name: "w:0" initializer_name: "i" snapshot_name: "s"
                    save_slice_info_def { full_name: "w" full_shape: [4, 2] var_offset: [0, 0]
                                          var_shape: [2, 2] }
                    is_resource: true initial_value_name: "v" trainable: true
                    synchronization: VARIABLE_SYNCHRONIZATION_ON_READ
                    aggregation: VARIABLE_AGGREGATION_MEAN)",
            "0a 03 77 3a 30  12 01 69  1a 01 73  "
            "22 0f 0a 01 77 12 02 04 02 1a 02 00 00 22 02 02 02  28 01  32 01 76  38 01  40 03  "
            "48 02"},
        WireCase{
            "ControlFlowContextDef",
            R"(cond_ctxt { context_name: "c" pred_name: "p" pivot_name: "v" branch: 1
                                values_def { values: "x" external_values { key: "k" value: "y" } }
                                nested_contexts {} })",
            "0a 1a 0a 01 63 12 01 70 1a 01 76 20 01 2a 0b 0a 01 78 12 06 0a 01 6b 12 01 79 32 00"},
        WireCase{"ControlFlowContextDef",
                 R"(while_ctxt { context_name: "c" parallel_iterations: 10 back_prop: true
                                 swap_memory: true pivot_name: "v" pivot_for_pred_name: "p"
                                 pivot_for_body_name: "b" loop_exit_names: "x" values_def {}
                                 loop_enter_names: "e" maximum_iterations_name: "m"
                                 nested_contexts {} })",
                 "12 1f 0a 01 63 10 0a 18 01 20 01 2a 01 76 32 01 70 3a 01 62 42 01 78 4a 00 "
                 "52 01 65 5a 01 6d 62 00"},
        WireCase{"QueueRunnerDef",
                 R"(queue_name: "q" enqueue_op_name: "e" close_op_name: "c" cancel_op_name: "x"
                    queue_closed_exception_types: OUT_OF_RANGE)",
                 "0a 01 71  12 01 65  1a 01 63  22 01 78  2a 01 0b"}));

INSTANTIATE_TEST_SUITE_P(
    Bundle, WireTest,
    testing::Values(
        WireCase{"BundleHeaderProto", "num_shards: 1 version { producer: 1 }",
                 "08 01  1a 02 08 01"},
        WireCase{"BundleHeaderProto", "endianness: BIG", "10 01"},
        WireCase{"BundleEntryProto",
                 R"(dtype: DT_FLOAT shape { dim { size: 3 } } shard_id: 1 offset: 128 size: 12
                    crc32c: 0x12345678 slices { extent { length: 2 } })",
                 "08 01  12 04 12 02 08 03  18 01  20 80 01  28 0c  35 78 56 34 12  "
                 "3a 04 0a 02 10 02"},
        WireCase{"CheckpointState",
                 R"(model_checkpoint_path: "b" all_model_checkpoint_paths: "a"
                    all_model_checkpoint_paths: "b" all_model_checkpoint_timestamps: 1
                    last_preserved_timestamp: 1)",
                 "0a 01 62  12 01 61  12 01 62  1a 08 00 00 00 00 00 00 f0 3f  "
                 "21 00 00 00 00 00 00 f0 3f"},
        WireCase{"SavedTensorSlices",
                 R"(meta { tensor { name: "w" shape { dim { size: 2 } } type: DT_FLOAT slice {
                    extent { } } } versions { producer: 1 } })",
                 "0a 15  0a 0f 0a 01 77 12 04 12 02 08 02 18 01 22 02 0a 00  12 02 08 01"},
        WireCase{"SavedTensorSlices",
                 R"(data { name: "w" slice { extent { } } data { float_val: 1 } })",
                 "12 0f 0a 01 77 12 02 0a 00 1a 06 2a 04 00 00 80 3f"}));

INSTANTIATE_TEST_SUITE_P(
    Examples, WireTest,
    testing::Values(
        WireCase{"Feature", R"(bytes_list { value: "a" })", "0a 03 0a 01 61"},
        WireCase{"Feature", "float_list { value: 1 }", "12 06 0a 04 00 00 80 3f"},
        WireCase{"Example",
                 R"(features { feature { key: "x" value { int64_list { value: 3 } } } })",
                 "0a 0c 0a 0a 0a 01 78 12 05 1a 03 0a 01 03"},
        WireCase{"SequenceExample",
                 R"(feature_lists { feature_list { key: "x" value { feature { int64_list {
                    value: 3 } } } } })",
                 "12 0e 0a 0c 0a 01 78 12 07 0a 05 1a 03 0a 01 03"}));

INSTANTIATE_TEST_SUITE_P(
    Event, WireTest,
    testing::Values(
        WireCase{"Event", R"(wall_time: 1 step: 3 file_version: "brain.Event:2")",
                 "09 00 00 00 00 00 00 f0 3f  10 03  "
                 "1a 0d 62 72 61 69 6e 2e 45 76 65 6e 74 3a 32"},
        WireCase{"Event", R"(graph_def: "g" source_metadata { writer: "w" })",
                 "22 01 67  52 03 0a 01 77"},
        WireCase{"Event", R"(summary { value { tag: "a" simple_value: 1 } })",
                 "2a 0a 0a 08 0a 01 61 15 00 00 80 3f"},
        WireCase{"Event", R"(log_message { level: WARN message: "m" })", "32 05 08 1e 12 01 6d"},
        WireCase{"Event", R"(session_log { status: START checkpoint_path: "c" msg: "m" })",
                 "3a 08 08 01 12 01 63 1a 01 6d"},
        WireCase{"Event", R"(tagged_run_metadata { tag: "t" run_metadata: "r" })",
                 "42 06 0a 01 74 12 01 72"},
        WireCase{"Event", R"(meta_graph_def: "m")", "4a 01 6d"},
        WireCase{"Summary.Value", R"(obsolete_old_style_histogram: "h" node_name: "n")",
                 "1a 01 68  3a 01 6e"},
        WireCase{"Summary.Value",
                 R"(image { height: 1 width: 2 colorspace: 3 encoded_image_string: "p" })",
                 "22 09 08 01 10 02 18 03 22 01 70"},
        WireCase{"Summary.Value", "histo { num: 1 }", "2a 09 19 00 00 00 00 00 00 f0 3f"},
        WireCase{"Summary.Value",
                 R"(audio { sample_rate: 1 num_channels: 2 length_frames: 3
                            encoded_audio_string: "a" content_type: "c" })",
                 "32 0f 0d 00 00 80 3f 10 02 18 03 22 01 61 2a 01 63"},
        WireCase{"Summary.Value",
                 R"(tensor { dtype: DT_FLOAT }
                    metadata { plugin_data { plugin_name: "p" content: "c" } display_name: "d"
                               summary_description: "s" data_class: DATA_CLASS_SCALAR })",
                 "42 02 08 01  4a 10 0a 06 0a 01 70 12 01 63 12 01 64 1a 01 73 20 01"},
        WireCase{"HistogramProto",
                 "min: 1 max: 1 num: 1 sum: 1 sum_squares: 1 bucket_limit: 1 bucket: [0, 1]",
                 "09 00 00 00 00 00 00 f0 3f  11 00 00 00 00 00 00 f0 3f  "
                 "19 00 00 00 00 00 00 f0 3f  21 00 00 00 00 00 00 f0 3f  "
                 "29 00 00 00 00 00 00 f0 3f  32 08 00 00 00 00 00 00 f0 3f  "
                 "3a 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 f0 3f"}));

INSTANTIATE_TEST_SUITE_P(
    RunMetadata, WireTest,
    testing::Values(
        WireCase{"RunOptions",
                 R"(trace_level: FULL_TRACE timeout_in_ms: 1 inter_op_thread_pool: 2
                    output_partition_graphs: true report_tensor_allocations_upon_oom: true)",
                 "08 03  10 01  18 02  28 01  38 01"},
        WireCase{"RunMetadata",
                 R"(step_stats { dev_stats { device: "d" node_stats { node_name: "n" }
                                             thread_names { key: 1 value: "t" } } }
                    cost_graph {} partition_graphs {}
                    function_graphs { partition_graphs {} pre_optimization_graph {}
                                      post_optimization_graph {} })",
                 "0a 11 0a 0f 0a 01 64 12 03 0a 01 6e 1a 05 08 01 12 01 74  12 00  1a 00  "
                 "22 06 0a 00 12 00 1a 00"},
        WireCase{"NodeExecStats",
                 R"(all_start_micros: 1 op_start_rel_micros: 2 op_end_rel_micros: 3
                    all_end_rel_micros: 4
                    memory { allocator_name: "a" total_bytes: 1 peak_bytes: 2 live_bytes: 3
                             allocator_bytes_in_use: 4
                             allocation_records { alloc_micros: 5 alloc_bytes: 6 } }
                    output { slot: 1 tensor_description { dtype: DT_FLOAT shape {} } }
                    timeline_label: "l" scheduled_micros: 5 thread_id: 6)",
                 "10 01  18 02  20 03  28 04  "
                 "32 11 0a 01 61 10 01 18 02 20 03 28 04 32 04 08 05 10 06  "
                 "3a 08 08 01 1a 04 08 01 12 00  42 01 6c  48 05  50 06"},
        WireCase{"NodeExecStats",
                 R"(referenced_tensor {} memory_stats { temp_memory_size: 7 } all_start_nanos: 1
                    op_start_rel_nanos: 2 op_end_rel_nanos: 3 all_end_rel_nanos: 4
                    scheduled_nanos: 5)",
                 "5a 00  62 02 08 07  68 01  70 02  78 03  80 01 04  88 01 05"},
        WireCase{"TensorDescription",
                 R"(allocation_description { requested_bytes: 4 allocated_bytes: 8
                      allocator_name: "a" allocation_id: 1 has_single_reference: true ptr: 2 })",
                 "22 0d 08 04 10 08 1a 01 61 20 01 28 01 30 02"},
        WireCase{"MemoryStats",
                 R"(device_temp_memory_size: 1 persistent_memory_size: 2
                    device_persistent_memory_size: 3 persistent_tensor_alloc_ids: 4
                    device_persistent_tensor_alloc_ids: 5)",
                 "10 01  18 02  20 03  2a 01 04  32 01 05"},
        WireCase{"CostGraphDef",
                 R"(node { name: "n" device: "d" id: 1
                           input_info { preceding_node: 2 preceding_port: 3 }
                           output_info { size: 4 alias_input_port: 5 shape {} dtype: DT_FLOAT }
                           temporary_memory_size: 6 is_final: true control_input: 7
                           compute_cost: 8 persistent_memory_size: 11 compute_time: 9
                           memory_time: 10 inaccurate: true })",
                 "0a 2a 0a 01 6e 12 01 64 18 01 22 04 08 02 10 03 2a 08 08 04 10 05 1a 00 20 01 "
                 "30 06 38 01 42 01 07 48 08 60 0b 70 09 78 0a 88 01 01"}));

TEST(WireFormatTest, UnpackedListsAreRead) {
  proto::TensorProto tensor;
  ASSERT_TRUE(tensor.ParseFromString(FromHex("2d 00 00 80 3f  2d 00 00 00 c0  38 05  38 06")));
  ASSERT_EQ(tensor.float_val_size(), 2);
  EXPECT_EQ(tensor.float_val(0), 1.0f);
  EXPECT_EQ(tensor.float_val(1), -2.0f);
  ASSERT_EQ(tensor.int_val_size(), 2);
  EXPECT_EQ(tensor.int_val(1), 6);
}

// Field 5 of a GraphDef (debug_info) and field 7 of a MetaGraphDef (object_graph_def) are not
// declared here.
TEST(WireFormatTest, UndeclaredFieldsSurviveARoundTrip) {
  proto::GraphDef graph;
  ASSERT_TRUE(graph.ParseFromString(FromHex("0a 03 0a 01 6e  2a 03 0a 01 78")));
  EXPECT_EQ(graph.SerializeAsString(), FromHex("0a 03 0a 01 6e  2a 03 0a 01 78"));
  proto::MetaGraphDef meta_graph;
  ASSERT_TRUE(meta_graph.ParseFromString(FromHex("3a 02 0a 00")));
  EXPECT_EQ(meta_graph.SerializeAsString(), FromHex("3a 02 0a 00"));
}

// Two libraries that both register tensorflow.GraphDef cannot live in one process.
TEST(WireFormatTest, ThePackageIsOurs) {
  EXPECT_EQ(proto::GraphDef::descriptor()->full_name(), "sluice.proto.GraphDef");
}

TEST(WireFormatTest, DataTypesHaveTensorFlowsNumbers) {
  const char* const kNames[] = {
      "DT_INVALID",    "DT_FLOAT",  "DT_DOUBLE",    "DT_INT32",   "DT_UINT8",   "DT_INT16",
      "DT_INT8",       "DT_STRING", "DT_COMPLEX64", "DT_INT64",   "DT_BOOL",    "DT_QINT8",
      "DT_QUINT8",     "DT_QINT32", "DT_BFLOAT16",  "DT_QINT16",  "DT_QUINT16", "DT_UINT16",
      "DT_COMPLEX128", "DT_HALF",   "DT_RESOURCE",  "DT_VARIANT", "DT_UINT32",  "DT_UINT64"};
  for (int number = 0; number < 24; ++number) {
    EXPECT_EQ(proto::DataType_Name(static_cast<proto::DataType>(number)), kNames[number]);
    if (number == 0) continue;
    EXPECT_EQ(proto::DataType_Name(static_cast<proto::DataType>(number + 100)),
              std::string(kNames[number]) + "_REF");
  }
}

}  // namespace
}  // namespace sluice
