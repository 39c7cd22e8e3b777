// Writes ONNX models without any package: a small protobuf writer and a builder of graphs of floats.
// Field numbers are those of onnx.proto3 (https://onnx.ai); opset 17, IR version 8.
'use strict';

const FLOAT = 1, INT64 = 7;  // TensorProto.DataType

// ---------------------------------------------------------------------------- protobuf

// A message is an array of buffers, one or more per field.
function varint(value) {
  const bytes = [];
  let v = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(v & 0x7fn) | (v > 0x7fn ? 0x80 : 0));
    v >>= 7n;
  } while (v > 0n);
  return Buffer.from(bytes);
}
const integer = (field, value) => [varint(field << 3), varint(value)];
const bytes = (field, data) => [varint((field << 3) | 2), varint(data.length), data];
const string = (field, text) => bytes(field, Buffer.from(text));
const message = (field, parts) => bytes(field, Buffer.concat(parts));
function float(field, value) {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return [varint((field << 3) | 5), data];
}

// AttributeProto: a number with a fraction, or in an object {float: x}, is a float; an array is ints.
function attribute(name, value) {
  const parts = [...string(1, name)];
  if (Array.isArray(value)) {
    for (const v of value) parts.push(...integer(8, v));
    parts.push(...integer(20, 7));
  } else if (typeof value === 'object') {
    parts.push(...float(2, value.float), ...integer(20, 1));
  } else {
    parts.push(...integer(3, value), ...integer(20, 2));
  }
  return parts;
}

// ValueInfoProto of a tensor.
function valueInfo(name, shape, type) {
  const dims = shape.flatMap(size => message(1, integer(1, size)));
  const tensor = [...integer(1, type), ...message(2, dims)];
  return [...string(1, name), ...message(2, message(1, tensor))];
}

// ---------------------------------------------------------------------------- random numbers

// The same in every run: xorshift, Box-Muller.
let state = 0x9e3779b9;
function uniform() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return ((state >>> 0) + 1) / 4294967297;
}
function normal(count, deviation) {
  const data = new Float32Array(count);
  for (let i = 0; i < count; ++i) {
    data[i] = deviation * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  return data;
}

// ---------------------------------------------------------------------------- graphs

const sizeOf = shape => shape.reduce((a, b) => a * b, 1);

// Values are names. Weights count as `parameters` when they are trainable in training.
class Graph {
  constructor() {
    this.parts = [];  // of the GraphProto
    this.count = 0;
    this.parameters = 0;
    this.inputs = {};  // name: {shape, type}
  }
  fresh() {
    return `t${this.count++}`;
  }
  input(shape, type = FLOAT) {
    const name = this.fresh();
    this.inputs[name] = {shape, type};
    this.parts.push(message(11, valueInfo(name, shape, type)));
    return name;
  }
  constant(shape, data) {
    const name = this.fresh();
    const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const type = data instanceof BigInt64Array ? INT64 : FLOAT;
    const dims = shape.flatMap(size => integer(1, size));
    this.parts.push(message(5, [...dims, ...integer(2, type), ...string(8, name), ...bytes(9, raw)]));
    return name;
  }
  scalar(value) {
    return this.constant([], Float32Array.of(value));
  }
  weight(shape, variance) {
    this.parameters += sizeOf(shape);
    return this.constant(shape, normal(sizeOf(shape), Math.sqrt(variance)));
  }
  filled(size, value) {
    this.parameters += size;
    return this.constant([size], new Float32Array(size).fill(value));
  }
  node(op, inputs, attributes = {}, outputs = 1, which = 0) {
    const names = Array.from({length: outputs}, () => this.fresh());
    const parts = inputs.flatMap(name => string(1, name));
    for (const name of names) parts.push(...string(2, name));
    parts.push(...string(3, names[0]), ...string(4, op));
    for (const [name, value] of Object.entries(attributes)) {
      parts.push(...message(5, attribute(name, value)));
    }
    this.parts.push(message(1, parts));
    return names[which];
  }
  // The bytes of the model that computes `output`.
  model(output, shape) {
    this.output = output;
    const graph = [...string(2, 'workload'), ...message(12, valueInfo(output, shape, FLOAT))];
    const opset = [...string(1, ''), ...integer(2, 17)];
    return Buffer.concat([
      ...integer(1, 8), ...message(8, opset), ...message(7, [...graph, ...this.parts.flat()])
    ]);
  }
}

module.exports = {FLOAT, INT64, Graph, normal, sizeOf, uniform};
