// The peer of workloads.cc in ONNX Runtime (npm package onnxruntime-node 1.30.0): inference of every
// network that ONNX has ops for, and the small programs. Models are built here, random weights, in
// ONNX Runtime's own layout (NCHW); every graph optimization is on.
//
//   node benchmarks/workloads_onnxruntime.js
//       [--workload=NAME] [--batch=B] [--threads=N] [--seconds=S] [--runs=N] [--config=NAME]
//       [--verbose] [--list]
//
// The package is taken from ${SLUICE_PEERS:-~/.cache/sluice/peers}. The binding's own synchronous `run` is called (the package's `run` puts a timer of the event loop
// before it). What a call costs: --workload=identity.
'use strict';

const {createRequire} = require('module');
const os = require('os');
const path = require('path');
const {FLOAT, INT64, Graph, normal, sizeOf, uniform} = require('./onnx_model.js');

// ---------------------------------------------------------------------------- layers

function conv(g, x, channels, filters, kernel, {stride = 1, bias = false, groups = 1} = {}) {
  const inner = channels / groups, pad = (kernel - 1) / 2;
  const inputs =
      [x, g.weight([filters, inner, kernel, kernel], 2 / (inner * kernel * kernel))];
  if (bias) inputs.push(g.filled(filters, 0));
  return g.node('Conv', inputs, {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    group: groups
  });
}
const depthwise = (g, x, channels, stride) =>
    conv(g, x, channels, channels, 3, {stride, groups: channels});
function batchNorm(g, x, channels) {
  const gamma = g.filled(channels, 1), beta = g.filled(channels, 0);
  const mean = g.constant([channels], new Float32Array(channels));
  const variance = g.constant([channels], new Float32Array(channels).fill(1));
  return g.node('BatchNormalization', [x, gamma, beta, mean, variance], {epsilon: {float: 1e-3}});
}
const dense = (g, x, features, units) => g.node(
    'Gemm', [x, g.weight([units, features], 1 / features), g.filled(units, 0)], {transB: 1});
const relu = (g, x) => g.node('Relu', [x]);
const maxPool = (g, x, size, stride, pad) => g.node('MaxPool', [x], {
  kernel_shape: [size, size],
  strides: [stride, stride],
  pads: [pad, pad, pad, pad]
});
const flatten = (g, x) => g.node('Flatten', [x]);
const globalAverage = (g, x) => flatten(g, g.node('GlobalAveragePool', [x]));

// ---------------------------------------------------------------------------- networks

function mlp(g, x) {
  x = relu(g, dense(g, x, 784, 1024));
  return dense(g, relu(g, dense(g, x, 1024, 1024)), 1024, 10);
}

function lenet(g, x) {
  for (const [channels, filters] of [[1, 32], [32, 64]]) {
    x = maxPool(g, relu(g, conv(g, x, channels, filters, 5, {bias: true})), 2, 2, 0);
  }
  return dense(g, relu(g, dense(g, flatten(g, x), 3136, 1024)), 1024, 10);
}

function mobilenet(g, x) {
  const zero = g.scalar(0), six = g.scalar(6);
  const normed = (y, channels) => g.node('Clip', [batchNorm(g, y, channels), zero, six]);
  x = normed(conv(g, x, 3, 32, 3, {stride: 2}), 32);
  let channels = 32;
  const blocks = [
    [64, 1], [128, 2], [128, 1], [256, 2], [256, 1], [512, 2], [512, 1], [512, 1], [512, 1],
    [512, 1], [512, 1], [1024, 2], [1024, 1]
  ];
  for (const [filters, stride] of blocks) {
    x = normed(depthwise(g, x, channels, stride), channels);
    x = normed(conv(g, x, channels, filters, 1), filters);
    channels = filters;
  }
  return dense(g, globalAverage(g, x), 1024, 1000);
}

function resnet(g, x, blocks, bottleneck) {
  const normed = (y, from, to, kernel, stride = 1) =>
      batchNorm(g, conv(g, y, from, to, kernel, {stride}), to);
  x = maxPool(g, relu(g, normed(x, 3, 64, 7, 2)), 3, 2, 1);
  let channels = 64, width = 64;
  blocks.forEach((count, stage) => {
    const out = bottleneck ? 4 * width : width;
    for (let block = 0; block < count; ++block) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      let y = bottleneck ? relu(g, normed(x, channels, width, 1)) : x;
      y = relu(g, normed(y, bottleneck ? width : channels, width, 3, stride));
      y = normed(y, width, out, bottleneck ? 1 : 3);
      if (stride !== 1 || channels !== out) x = normed(x, channels, out, 1, stride);
      x = relu(g, g.node('Add', [y, x]));
      channels = out;
    }
    width *= 2;
  });
  return dense(g, globalAverage(g, x), channels, 1000);
}

// x is [steps, batch, features]; ONNX has two biases, the second stays 0 and is not counted.
function lstm(g, x, batch) {
  const hidden = 256;
  const input = g.weight([1, 4 * hidden, 256], 1 / 256);
  const recurrent = g.weight([1, 4 * hidden, hidden], 1 / hidden);
  const biases = new Float32Array(8 * hidden).fill(1, 2 * hidden, 3 * hidden);  // gates i, o, f, c
  g.parameters += 4 * hidden;
  const bias = g.constant([1, 8 * hidden], biases);
  const last = g.node('LSTM', [x, input, recurrent, bias], {hidden_size: hidden}, 2, 1);
  const shape = g.constant([2], BigInt64Array.of(BigInt(batch), BigInt(hidden)));
  return dense(g, g.node('Reshape', [last, shape]), hidden, 10);
}

function sepconv(g, x) {
  x = relu(g, conv(g, x, 3, 32, 3, {bias: true}));
  for (const [channels, filters] of [[32, 64], [64, 128]]) {
    x = relu(g, conv(g, depthwise(g, x, channels, 2), channels, filters, 1, {bias: true}));
  }
  return dense(g, globalAverage(g, x), 128, 10);
}

// name: [build, shape of the input, classes, batches, parameters]
const NETWORKS = {
  mlp_infer: [mlp, b => [b, 784], 10, [1, 32, 128], 1863690],
  lenet_infer: [lenet, b => [b, 1, 28, 28], 10, [1, 32, 128], 3274634],
  mobilenet_infer: [mobilenet, b => [b, 3, 224, 224], 1000, [1], 4231976],
  resnet18_infer:
      [(g, x) => resnet(g, x, [2, 2, 2, 2], false), b => [b, 3, 224, 224], 1000, [1], 11689512],
  resnet50_infer:
      [(g, x) => resnet(g, x, [3, 4, 6, 3], true), b => [b, 3, 224, 224], 1000, [1], 25557032],
  lstm_infer: [lstm, b => [50, b, 256], 10, [32], 527882],
  sepconv_infer: [sepconv, b => [b, 3, 32, 32], 10, [32], 13482]
};

// ---------------------------------------------------------------------------- small programs

function chain(op, x, c) {
  return g => {
    for (let i = 0; i < 1000; ++i) x = g.node(op, [x, c]);
    return x;
  };
}

function elementwise8(g, [x, z]) {
  const n = (op, ...inputs) => g.node(op, inputs);
  let y = n('Relu', n('Add', n('Mul', x, z), x));
  y = n('Abs', n('Sub', n('Mul', y, y), z));
  return n('Mul', n('Min', y, g.scalar(6)), g.scalar(0.5));
}

function gelu(g, [x]) {
  const n = (op, ...inputs) => g.node(op, inputs);
  let y = n('Mul', n('Mul', n('Mul', x, x), x), g.scalar(0.044715));
  y = n('Tanh', n('Mul', n('Add', y, x), g.scalar(0.7978845608)));
  return n('Mul', n('Mul', n('Add', y, g.scalar(1)), x), g.scalar(0.5));
}

const one = (op, attributes) => (g, inputs) => g.node(op, inputs, attributes);

// An orthogonal 8x8 matrix: I - 2 v v' / v'v.
function reflection() {
  const v = normal(8, 1), length = v.reduce((s, a) => s + a * a, 0);
  return Float32Array.from({length: 64}, (_, i) => {
    const row = i >> 3, column = i & 7;
    return (row === column ? 1 : 0) - 2 * v[row] * v[column] / length;
  });
}
const rows = count => BigInt64Array.from({length: count}, () => BigInt(Math.floor(uniform() * count)));

// name: [build, shapes of the inputs, shape of the result, data of an input that is not normal]
const TEN_MILLION = 1e7;
const PROGRAMS = {
  identity: [one('Identity'), [[1]], [1]],
  add1000_scalar: [(g, [x, c]) => chain('Add', x, c)(g), [[], []], []],
  add1000_1024: [(g, [x, c]) => chain('Add', x, c)(g), [[1024], [1024]], [1024]],
  matmul1000_8x8:
      [(g, [x, c]) => chain('MatMul', x, c)(g), [[8, 8], [8, 8]], [8, 8], {1: reflection}],
  ew8_1e7: [elementwise8, [[TEN_MILLION], [TEN_MILLION]], [TEN_MILLION]],
  gelu_1e7: [gelu, [[TEN_MILLION]], [TEN_MILLION]],
  sum_1e7: [one('ReduceSum', {keepdims: 0}), [[TEN_MILLION]], []],
  softmax_4096x1000: [one('Softmax', {axis: -1}), [[4096, 1000]], [4096, 1000]],
  transpose_4096: [one('Transpose', {perm: [1, 0]}), [[4096, 4096]], [4096, 4096]],
  bias_add_4096x4096: [one('Add'), [[4096, 4096], [4096]], [4096, 4096]],
  bmm_32x128x64x128: [one('MatMul'), [[32, 128, 64], [32, 64, 128]], [32, 128, 128]],
  gather_1e5x64: [one('Gather'), [[1e5, 64], [1e5]], [1e5, 64], {1: () => rows(1e5)}]
};

// ---------------------------------------------------------------------------- measuring

function fail(text) {
  console.error(`workloads_onnxruntime.js: ${text}`);
  process.exit(2);
}

function load() {
  const peers = process.env.SLUICE_PEERS || path.join(os.homedir(), '.cache/sluice/peers');
  try {
    const from = createRequire(path.join(path.resolve(peers), 'package.json'));
    const {binding, initOrt} = from('onnxruntime-node/dist/binding.js');
    const {Tensor} = from('onnxruntime-common');
    initOrt();
    return {binding, Tensor};
  } catch (error) {
    fail(`onnxruntime-node is missing (${error.message.split('\n')[0]}); ` +
         'benchmarks/README.md tells how to install it');
  }
}

// {model, graph, data, shape}: a model, its inputs' numbers and the result's shape.
function build(workload, batch, verbose) {
  const graph = new Graph();
  if (workload in NETWORKS) {
    const [network, inputShape, classes, , parameters] = NETWORKS[workload];
    const input = inputShape(batch), shape = [batch, classes];
    const model = graph.model(network(graph, graph.input(input), batch), shape);
    if (verbose) console.error(`${workload}: ${graph.parameters} parameters`);
    if (graph.parameters !== parameters) {
      throw new Error(`${workload} has ${graph.parameters} parameters instead of ${parameters}`);
    }
    return {graph, model, data: [normal(sizeOf(input), 1)], shape};
  }
  const [program, inputs, shape, special = {}] = PROGRAMS[workload];
  const data =
      inputs.map((input, i) => special[i] ? special[i]() : normal(sizeOf(input), 1));
  const names = inputs.map(
      (input, i) => graph.input(input, data[i] instanceof BigInt64Array ? INT64 : FLOAT));
  return {graph, model: graph.model(program(graph, names), shape), data, shape};
}

function milliseconds(run) {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

// Three runs (at least 0.2 s) to warm up, then runs for `seconds`, at least `runs`.
function measure(run, seconds, runs) {
  const now = () => Number(process.hrtime.bigint()) / 1e9;
  const warmUp = now();
  for (let i = 0; i < 3 || now() - warmUp < Math.min(0.2, seconds); ++i) run();
  const times = [], start = now();
  while (times.length < runs || now() - start < seconds) times.push(milliseconds(run));
  times.sort((a, b) => a - b);
  const at = share => times[Math.floor(share * (times.length - 1))];
  return {median: at(0.5), p10: at(0.1), p90: at(0.9), reps: times.length};
}

// "fresh": ONNX Runtime allocates the result; "out": it writes to memory made before.
function ways({binding, Tensor}, workload, batch, flags) {
  const {graph, model, data, shape} = build(workload, batch, flags.verbose);
  const session = new binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    intraOpNumThreads: flags.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all'
  });
  const feeds = {};
  Object.entries(graph.inputs).forEach(([name, {shape: size, type}], i) => {
    feeds[name] = new Tensor(type === INT64 ? 'int64' : 'float32', data[i], size);
  });
  const out = new Tensor('float32', new Float32Array(sizeOf(shape)), shape);
  const run = fetch => () => session.run(feeds, {[graph.output]: fetch}, {})[graph.output];
  return {fresh: run(null), out: run(out)};
}

function check(workload, result) {
  if (!result.data.every(Number.isFinite)) throw new Error(`${workload}: the result is not finite`);
}

function measureRun(runtime, workload, batch, flags) {
  const all = ways(runtime, workload, batch, flags);
  if (flags.config && !(flags.config in all)) {
    fail(`there is no configuration ${flags.config}, only: ${Object.keys(all).join(' ')}`);
  }
  let best = flags.config;
  if (!best) {
    let bestMs = Infinity;
    for (const [config, run] of Object.entries(all)) {
      const ms = measure(run, Math.min(0.2, flags.seconds), 3).median;
      if (flags.verbose) {
        console.error(`${workload} batch ${batch}, ${flags.threads} threads, ${config}: ${
            ms.toPrecision(4)} ms`);
      }
      if (ms < bestMs) [best, bestMs] = [config, ms];
    }
  }
  check(workload, all[best]());
  const {median, p10, p90, reps} = measure(all[best], flags.seconds, flags.runs);
  const short = x => Number(x.toPrecision(4));
  console.log(JSON.stringify({
    peer: 'onnxruntime',
    workload,
    threads: flags.threads,
    batch,
    median_ms: short(median),
    p10: short(p10),
    p90: short(p90),
    reps,
    config: best
  }));
}

// ---------------------------------------------------------------------------- flags

function parseFlags(args) {
  const flags =
      {workload: '', batch: 0, threads: 1, seconds: 2, runs: 7, config: '', verbose: false, list: false};
  for (let i = 0; i < args.length; ++i) {
    const [, name, , given] = args[i].match(/^--([a-z]+)(=(.*))?$/) || [];
    if (!(name in flags)) {
      fail(`unknown flag ${args[i]}\nflags: ${Object.keys(flags).map(f => '--' + f).join(' ')}`);
    }
    if (typeof flags[name] === 'boolean') {
      if (given !== undefined) fail(`--${name} takes no value`);
      flags[name] = true;
      continue;
    }
    const value = given ?? args[++i];
    if (value === undefined) fail(`--${name} needs a value`);
    if (typeof flags[name] === 'string') {
      flags[name] = value;
      continue;
    }
    flags[name] = Number(value);
    const whole = name === 'seconds' || Number.isInteger(flags[name]);
    if (!(flags[name] > 0) || !whole) fail(`--${name} cannot be "${value}"`);
  }
  return flags;
}

function main() {
  const flags = parseFlags(process.argv.slice(2));
  const batches = {};
  for (const name in NETWORKS) batches[name] = NETWORKS[name][3];
  for (const name in PROGRAMS) batches[name] = [1];
  if (flags.workload && !(flags.workload in batches)) {
    fail(`no workload is called ${flags.workload}; --list tells all`);
  }
  const names = flags.workload ? [flags.workload] : Object.keys(batches);
  const runs = names.flatMap(name => {
    if (flags.batch > 1 && name in PROGRAMS) {
      if (flags.workload) fail(`${name} has no batch: it cannot be ${flags.batch}`);
      return [];
    }
    return (flags.batch ? [flags.batch] : batches[name]).map(batch => [name, batch]);
  });
  if (flags.list) {
    for (const [name, batch] of runs) console.log(name, batch);
    return;
  }
  const runtime = load();
  for (const [name, batch] of runs) {
    try {
      measureRun(runtime, name, batch, flags);
    } catch (error) {
      console.error(`${name}: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

main();
