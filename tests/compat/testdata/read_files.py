"""Reads the files that Sluice writes as a program would that knows only the public formats.

Usage: read_files.py DIRECTORY

The messages below are written down from TensorFlow's documented wire formats, not from this project's .proto files. For every file
in the directory the script prints all fields as lines "<file> <path> = <value>", and it fails when a checksum is wrong or a
message has a field that is not known here. Needs python3-protobuf.
"""
import gzip
import io
import os
import struct
import sys
import wave
import zlib

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, text_format

# Message: field=number type, "*" repeated, "<A,B>" a map. Enums are int32 on the wire, and so here, but where text needs names.
SCHEMA = """
TensorShapeProto: dim=2 *TensorShapeProto.Dim; unknown_rank=3 bool
TensorShapeProto.Dim: size=1 int64; name=2 string
VersionDef: producer=1 int32; min_consumer=2 int32; bad_consumers=3 *int32
TensorProto: dtype=1 DataType; tensor_shape=2 TensorShapeProto; version_number=3 int32; tensor_content=4 bytes; float_val=5 *float; double_val=6 *double; int_val=7 *int32; string_val=8 *bytes; scomplex_val=9 *float; int64_val=10 *int64; bool_val=11 *bool; dcomplex_val=12 *double; half_val=13 *int32; resource_handle_val=14 *ResourceHandleProto; uint32_val=16 *uint32; uint64_val=17 *uint64
ResourceHandleProto: device=1 string; container=2 string; name=3 string; hash_code=4 uint64; maybe_type_name=5 string
TensorSliceProto: extent=1 *TensorSliceProto.Extent
TensorSliceProto.Extent: start=1 int64; length=2 int64
AttrValue: list=1 AttrValue.ListValue; s=2 bytes; i=3 int64; f=4 float; b=5 bool; type=6 DataType; shape=7 TensorShapeProto; tensor=8 TensorProto; placeholder=9 string; func=10 NameAttrList
AttrValue.ListValue: s=2 *bytes; i=3 *int64; f=4 *float; b=5 *bool; type=6 *DataType; shape=7 *TensorShapeProto; tensor=8 *TensorProto; func=9 *NameAttrList
NameAttrList: name=1 string; attr=2 <string,AttrValue>
NodeDef: name=1 string; op=2 string; input=3 *string; device=4 string; attr=5 <string,AttrValue>; experimental_debug_info=6 NodeDef.ExperimentalDebugInfo
NodeDef.ExperimentalDebugInfo: original_node_names=1 *string; original_func_names=2 *string
GraphDef: node=1 *NodeDef; library=2 FunctionDefLibrary; version=3 int32; versions=4 VersionDef
FunctionDefLibrary: function=1 *FunctionDef; gradient=2 *GradientDef
FunctionDef: signature=1 OpDef; node_def=3 *NodeDef; ret=4 <string,string>; attr=5 <string,AttrValue>; control_ret=6 <string,string>
GradientDef: function_name=1 string; gradient_func=2 string
OpDef: name=1 string; input_arg=2 *OpDef.ArgDef; output_arg=3 *OpDef.ArgDef; attr=4 *OpDef.AttrDef; summary=5 string; description=6 string; deprecation=8 OpDeprecation; is_aggregate=16 bool; is_stateful=17 bool; is_commutative=18 bool; allows_uninitialized_input=19 bool; control_output=20 *string
OpDef.ArgDef: name=1 string; description=2 string; type=3 DataType; type_attr=4 string; number_attr=5 string; type_list_attr=6 string; is_ref=16 bool
OpDef.AttrDef: name=1 string; type=2 string; default_value=3 AttrValue; description=4 string; has_minimum=5 bool; minimum=6 int64; allowed_values=7 AttrValue
OpDeprecation: version=1 int32; explanation=2 string
OpList: op=1 *OpDef
MetaGraphDef: meta_info_def=1 MetaGraphDef.MetaInfoDef; graph_def=2 GraphDef; saver_def=3 SaverDef; collection_def=4 <string,CollectionDef>; signature_def=5 <string,SignatureDef>; asset_file_def=6 *AssetFileDef
MetaGraphDef.MetaInfoDef: meta_graph_version=1 string; stripped_op_list=2 OpList; any_info=3 google.protobuf.Any; tags=4 *string; tensorflow_version=5 string; tensorflow_git_version=6 string; stripped_default_attrs=7 bool
CollectionDef: node_list=1 CollectionDef.NodeList; bytes_list=2 CollectionDef.BytesList; int64_list=3 CollectionDef.Int64List; float_list=4 CollectionDef.FloatList; any_list=5 CollectionDef.AnyList
CollectionDef.NodeList: value=1 *string
CollectionDef.BytesList: value=1 *bytes
CollectionDef.Int64List: value=1 *int64
CollectionDef.FloatList: value=1 *float
CollectionDef.AnyList: value=1 *google.protobuf.Any
TensorInfo: name=1 string; coo_sparse=4 TensorInfo.CooSparse; dtype=2 DataType; tensor_shape=3 TensorShapeProto
TensorInfo.CooSparse: values_tensor_name=1 string; indices_tensor_name=2 string; dense_shape_tensor_name=3 string
SignatureDef: inputs=1 <string,TensorInfo>; outputs=2 <string,TensorInfo>; method_name=3 string
AssetFileDef: tensor_info=1 TensorInfo; filename=2 string
SaverDef: filename_tensor_name=1 string; save_tensor_name=2 string; restore_op_name=3 string; max_to_keep=4 int32; sharded=5 bool; keep_checkpoint_every_n_hours=6 float; version=7 int32
SavedModel: saved_model_schema_version=1 int64; meta_graphs=2 *MetaGraphDef
VariableDef: variable_name=1 string; initializer_name=2 string; snapshot_name=3 string; save_slice_info_def=4 SaveSliceInfoDef; is_resource=5 bool; initial_value_name=6 string; trainable=7 bool; synchronization=8 int32; aggregation=9 int32
SaveSliceInfoDef: full_name=1 string; full_shape=2 *int64; var_offset=3 *int64; var_shape=4 *int64
BundleHeaderProto: num_shards=1 int32; endianness=2 int32; version=3 VersionDef
BundleEntryProto: dtype=1 int32; shape=2 TensorShapeProto; shard_id=3 int32; offset=4 int64; size=5 int64; crc32c=6 fixed32; slices=7 *TensorSliceProto
CheckpointState: model_checkpoint_path=1 string; all_model_checkpoint_paths=2 *string; all_model_checkpoint_timestamps=3 *double; last_preserved_timestamp=4 double
Event: wall_time=1 double; step=2 int64; file_version=3 string; graph_def=4 bytes; summary=5 Summary; log_message=6 LogMessage; session_log=7 SessionLog; tagged_run_metadata=8 TaggedRunMetadata; meta_graph_def=9 bytes
LogMessage: level=1 int32; message=2 string
SessionLog: status=1 int32; checkpoint_path=2 string; msg=3 string
TaggedRunMetadata: tag=1 string; run_metadata=2 bytes
Summary: value=1 *Summary.Value
Summary.Value: tag=1 string; simple_value=2 float; obsolete_old_style_histogram=3 bytes; image=4 Summary.Image; histo=5 HistogramProto; audio=6 Summary.Audio; tensor=8 TensorProto; node_name=7 string; metadata=9 SummaryMetadata
Summary.Image: height=1 int32; width=2 int32; colorspace=3 int32; encoded_image_string=4 bytes
Summary.Audio: sample_rate=1 float; num_channels=2 int64; length_frames=3 int64; encoded_audio_string=4 bytes; content_type=5 string
SummaryMetadata: plugin_data=1 SummaryMetadata.PluginData; display_name=2 string; summary_description=3 string; data_class=4 int32
SummaryMetadata.PluginData: plugin_name=1 string; content=2 bytes
HistogramProto: min=1 double; max=2 double; num=3 double; sum=4 double; sum_squares=5 double; bucket_limit=6 *double; bucket=7 *double
RunMetadata: step_stats=1 StepStats
StepStats: dev_stats=1 *DeviceStepStats
DeviceStepStats: device=1 string; node_stats=2 *NodeExecStats; thread_names=3 <uint32,string>
NodeExecStats: node_name=1 string; all_start_micros=2 int64; op_start_rel_micros=3 int64; op_end_rel_micros=4 int64; all_end_rel_micros=5 int64; memory=6 *AllocatorMemoryUsed; output=7 *NodeOutput; timeline_label=8 string; scheduled_micros=9 int64; thread_id=10 uint32; all_start_nanos=13 int64; op_start_rel_nanos=14 int64; op_end_rel_nanos=15 int64; all_end_rel_nanos=16 int64; scheduled_nanos=17 int64
AllocatorMemoryUsed: allocator_name=1 string; total_bytes=2 int64; peak_bytes=3 int64; live_bytes=4 int64; allocator_bytes_in_use=5 int64
NodeOutput: slot=1 int32; tensor_description=3 TensorDescription
TensorDescription: dtype=1 DataType; shape=2 TensorShapeProto; allocation_description=4 AllocationDescription
AllocationDescription: requested_bytes=1 int64; allocated_bytes=2 int64; allocator_name=3 string; allocation_id=4 int64; has_single_reference=5 bool; ptr=6 uint64
Example: features=1 Features
Features: feature=1 <string,Feature>
Feature: bytes_list=1 BytesList; float_list=2 FloatList; int64_list=3 Int64List
BytesList: value=1 *bytes
FloatList: value=1 *float
Int64List: value=1 *int64
"""
DATA_TYPES = ("INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 QUINT16 "
              "UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64").split()
PRIMITIVES = dict(double=1, float=2, int64=3, uint64=4, int32=5, fixed32=7, bool=8, string=9, bytes=12, uint32=13)
ELEMENT_BYTES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 8: 8, 9: 8, 10: 1, 14: 2, 17: 2, 18: 16, 19: 2, 22: 4, 23: 8}
FORMATS = {1: "f", 2: "d", 3: "i", 4: "B", 5: "h", 6: "b", 9: "q", 10: "?"}


def set_type(field, name):
    if name in PRIMITIVES:
        field.type = PRIMITIVES[name]
    elif name == "DataType":
        field.type, field.type_name = 14, ".tensorflow.DataType"
    else:
        field.type = 11
        field.type_name = "." + name if name.startswith("google.") else ".tensorflow." + name


def add_field(message, full_name, text):
    name, rest = text.split("=")
    number, kind = rest.split(" ")
    field = message.field.add(name=name, number=int(number), label=1)
    if kind.startswith("*"):
        field.label = 3
        set_type(field, kind[1:])
    elif kind.startswith("<"):
        entry_name = "".join(part.capitalize() for part in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        for i, part in enumerate(kind[1:-1].split(",")):
            set_type(entry.field.add(name=("key", "value")[i], number=i + 1, label=1), part)
        field.label, field.type, field.type_name = 3, 11, ".tensorflow." + full_name + "." + entry_name
    else:
        set_type(field, kind)


def make_messages():
    file = descriptor_pb2.FileDescriptorProto(name="public.proto", package="tensorflow", syntax="proto3")
    file.dependency.append("google/protobuf/any.proto")
    types = file.enum_type.add(name="DataType")
    for i, name in enumerate(DATA_TYPES):
        types.value.add(name="DT_" + name, number=i)
    for i, name in enumerate(DATA_TYPES[1:]):
        types.value.add(name="DT_" + name + "_REF", number=i + 101)
    made = {}
    for line in SCHEMA.strip().split("\n"):
        full_name, fields = line.split(": ")
        outer, _, name = full_name.rpartition(".")
        made[full_name] = made[outer].nested_type.add(name=name) if outer else file.message_type.add(name=name)
        for field in fields.split("; "):
            add_field(made[full_name], full_name, field)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName("tensorflow." + name)) for name in made}


MESSAGES = make_messages()

CRC_TABLE = []
for value in range(256):
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    CRC_TABLE.append(value)


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def check(good, what):
    if not good:
        raise SystemExit("read_files.py: " + what)


def parse(kind, data, where):
    message = MESSAGES[kind]()
    message.ParseFromString(data)
    check_known(message, where)
    return message


def check_known(message, where):
    check(len(message.UnknownFields()) == 0, where + ": unknown fields in " + message.DESCRIPTOR.full_name)
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        is_map = field.message_type.GetOptions().map_entry
        if is_map and field.message_type.fields_by_name["value"].type != field.TYPE_MESSAGE:
            continue
        values = value.values() if is_map else value if field.label == field.LABEL_REPEATED else [value]
        for part in values:
            check_known(part, where)


def text_of(value):
    if isinstance(value, bytes):
        return value.decode("ascii") if all(32 <= b < 127 for b in value) else "0x" + value.hex()
    if isinstance(value, float):
        return "%.9g" % value
    return str(value)


def show(where, message):
    for field, value in message.ListFields():
        path = where + "." + field.name
        if field.type == field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
            items = [(path + "[" + str(key) + "]", value[key]) for key in sorted(value)]
        elif field.label == field.LABEL_REPEATED:
            items = [(path + "[" + str(i) + "]", part) for i, part in enumerate(value)]
        else:
            items = [(path, value)]
        for name, item in items:
            if hasattr(item, "ListFields"):
                print(name)
                show(name, item)
            else:
                print(name, "=", text_of(item))


# --- records ---


def records(data, where):
    at, found = 0, []
    while at < len(data):
        length, crc = struct.unpack_from("<QI", data, at)
        check(crc == masked_crc(data[at:at + 8]), where + ": checksum of a length")
        payload = data[at + 12:at + 12 + length]
        check(len(payload) == length, where + ": torn")
        check(struct.unpack_from("<I", data, at + 12 + length)[0] == masked_crc(payload), where + ": checksum of a record")
        found.append(payload)
        at += 16 + length
    return found


def show_events(name, data):
    for i, record in enumerate(records(data, name)):
        where = "%s event[%d]" % (name, i)
        event = parse("Event", record, where)
        show(where, event)
        if event.graph_def:
            show(where + " graph", parse("GraphDef", event.graph_def, where))
        if event.meta_graph_def:
            show(where + " meta", parse("MetaGraphDef", event.meta_graph_def, where))
        if event.tagged_run_metadata.run_metadata:
            show(where + " run", parse("RunMetadata", event.tagged_run_metadata.run_metadata, where))
        for value in event.summary.value:
            if value.image.encoded_image_string:
                print(where, "png", *png_pixels(value.image.encoded_image_string))
            if value.audio.encoded_audio_string:
                sound = wave.open(io.BytesIO(value.audio.encoded_audio_string))
                print(where, "wav", sound.getframerate(), sound.getnchannels(), sound.getsampwidth(), sound.getnframes())


def png_pixels(data):
    """Width, height, channels and all bytes of an image whose rows are not filtered or filtered by Sub or Up."""
    check(data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG file")
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        check(struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body), "checksum in a PNG file")
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    check(depth == 8, "bit depth of a PNG file")
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    raw, rows, above = zlib.decompress(packed), [], bytes(width * channels)
    for y in range(height):
        line = raw[y * (width * channels + 1):(y + 1) * (width * channels + 1)]
        row = bytearray(line[1:])
        for x in range(len(row)):
            left = row[x - channels] if x >= channels else 0
            corner = above[x - channels] if x >= channels else 0
            row[x] = (row[x] + predicted(line[0], left, above[x], corner)) & 255
        rows += list(row)
        above = bytes(row)
    return [width, height, channels] + rows


def predicted(kind, left, above, corner):
    if kind == 4:
        guess = left + above - corner
        return min((abs(guess - left), 0, left), (abs(guess - above), 1, above), (abs(guess - corner), 2, corner))[2]
    return (0, left, above, (left + above) // 2)[kind]


# --- checkpoints ---


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def block(data, offset, size, where):
    check(data[offset + size] == 0, where + ": compressed block")
    crc = struct.unpack_from("<I", data, offset + size + 1)[0]
    check(crc == masked_crc(data[offset:offset + size + 1]), where + ": checksum of a block")
    body = data[offset:offset + size]
    at, key, entries = 0, b"", []
    end = len(body) - 4 - 4 * struct.unpack_from("<I", body, len(body) - 4)[0]
    while at < end:
        shared, at = varint(body, at)
        own, at = varint(body, at)
        length, at = varint(body, at)
        key = key[:shared] + body[at:at + own]
        entries.append((key, body[at + own:at + own + length]))
        at += own + length
    return entries


def table(data, where):
    check(struct.unpack_from("<Q", data, len(data) - 8)[0] == 0xDB4775248B80FB57, where + ": magic number")
    _, at = varint(data, len(data) - 48)
    _, at = varint(data, at)
    offset, at = varint(data, at)
    size, at = varint(data, at)
    entries = []
    for _, handle in block(data, offset, size, where):
        begin, at = varint(handle, 0)
        entries += block(data, begin, varint(handle, at)[0], where)
    check(entries == sorted(entries), where + ": order of the keys")
    return entries


def strings(data, count, where):
    at, lengths = 0, []
    for _ in range(count):
        length, at = varint(data, at)
        lengths.append(length)
    hashed = b"".join(struct.pack("<I", length) for length in lengths)
    check(struct.unpack_from("<I", data, at)[0] == masked_crc(hashed), where + ": checksum of the lengths")
    hashed += data[at:]
    at += 4
    values = []
    for length in lengths:
        values.append(data[at:at + length])
        at += length
    check(at == len(data), where + ": size of the strings")
    return values, masked_crc(hashed)


def show_checkpoint(name, data, directory):
    prefix = name[:-len(".index")]
    entries = table(data, name)
    check(entries[0][0] == b"", name + ": no header")
    header = parse("BundleHeaderProto", entries[0][1], name)
    show(name + " header", header)
    for key, value in entries[1:]:
        where = "%s entry[%s]" % (name, text_of(key))
        entry = parse("BundleEntryProto", value, where)
        show(where, entry)
        if entry.slices:
            continue
        shard = "%s.data-%05d-of-%05d" % (prefix, entry.shard_id, header.num_shards)
        with open(os.path.join(directory, shard), "rb") as file:
            content = file.read()[entry.offset:entry.offset + entry.size]
        count = 1
        for dim in entry.shape.dim:
            count *= dim.size
        check(len(content) == entry.size, where + ": torn")
        if entry.dtype == 7:
            values, crc = strings(content, count, where)
        else:
            check(entry.size == count * ELEMENT_BYTES[entry.dtype], where + ": size")
            values, crc = struct.unpack("<%d%s" % (count, FORMATS[entry.dtype]), content), masked_crc(content)
        check(crc == entry.crc32c, where + ": checksum")
        print(where, "values", *[text_of(v) for v in values])


# --- files by name ---


def show_meta(where, data):
    meta = parse("MetaGraphDef", data, where)
    show(where, meta)
    for key in ("variables", "trainable_variables"):
        for i, value in enumerate(meta.collection_def[key].bytes_list.value):
            show("%s %s[%d]" % (where, key, i), parse("VariableDef", value, where))


def show_file(name, path):
    with open(path, "rb") as file:
        data = file.read()
    directory = os.path.dirname(path)
    if name.endswith("saved_model.pb"):
        show(name, parse("SavedModel", data, name))
    elif name.endswith(".pb"):
        show(name, parse("GraphDef", data, name))
    elif name.endswith(".pbtxt"):
        show(name, text_format.Parse(data.decode("utf-8"), MESSAGES["GraphDef"]()))
    elif name.endswith(".meta"):
        show_meta(name, data)
    elif name.endswith(".index"):
        show_checkpoint(os.path.basename(name), data, directory)
    elif os.path.basename(name) == "checkpoint":
        show(name, text_format.Parse(data.decode("utf-8"), MESSAGES["CheckpointState"]()))
    elif "tfevents" in name:
        show_events("events", data)
    elif ".tfrecord" in name:
        if name.endswith(".zlib"):
            data = zlib.decompress(data)
        elif name.endswith(".gz"):
            data = gzip.decompress(data)
        for i, record in enumerate(records(data, name)):
            show("%s example[%d]" % (name, i), parse("Example", record, name))
    else:
        check(".data-" in name, "no such kind of file: " + name)


def main():
    check(masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF, "crc32c")
    root = sys.argv[1]
    for directory, _, files in sorted(os.walk(root)):
        for file in sorted(files):
            path = os.path.join(directory, file)
            show_file(os.path.relpath(path, root), path)


main()
