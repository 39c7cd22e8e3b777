// Expected values are worked by hand; messages are TensorFlow's (rule CF-25).
#include "ops/tensor_array.h"

#include <vector>

#include "graph/gradients.h"
#include "ops/add_n.h"
#include "ops/binary.h"
#include "ops/identity.h"
#include "ops/reduction.h"
#include "tests/testing/tensor_array_fixture.h"

namespace sluice {
namespace {

TEST_F(TensorArrayTest, WriteAndRead) {
  const auto array = New(2);
  const Output flow =
      Write(array, 1, Vector({3, 4, 5}), Write(array, 0, Vector({1, 2}), array.flow));
  ExpectValue(Read(array, 0, flow), Tensor::Of<float>({2}, {1, 2}));
  ExpectValue(Read(array, 1, flow), Tensor::Of<float>({3}, {3, 4, 5}));
  ExpectValue(ops::TensorArraySizeV3(root_, array.handle, flow), Tensor::Of<int32_t>({}, {2}));
}

TEST_F(TensorArrayTest, EveryRunHasItsOwn) {
  const auto array = New(1);
  const Output value = Read(array, 0, Write(array, 0, Vector({7}), array.flow));
  Session session = *Session::Create(graph_);
  for (int i = 0; i < 2; ++i) {
    const auto got = session.Run({}, {value});
    ASSERT_THAT(got, IsOk());
    ExpectClose((*got)[0], Tensor::Of<float>({1}, {7}));
  }
}

// CF-25
TEST_F(TensorArrayTest, UnwrittenElements) {
  const auto known = New(2, {.element_shape = {2}});
  ExpectValue(Read(known, 1, known.flow), Tensor::Of<float>({2}, {0, 0}));
  const auto unknown = New(2);
  ExpectRunError(Read(unknown, 1, unknown.flow),
                 "Could not read from TensorArray index 1.  Furthermore, the element shape is not "
                 "fully defined");
}

TEST_F(TensorArrayTest, DynamicSize) {
  const auto array = New(0, {.dynamic_size = true});
  const Output flow = Write(array, 4, Vector({5}), array.flow);
  ExpectValue(ops::TensorArraySizeV3(root_, array.handle, flow), Tensor::Of<int32_t>({}, {5}));
  ExpectValue(Read(array, 4, flow), Tensor::Of<float>({1}, {5}));
}

// CF-25
TEST_F(TensorArrayTest, Errors) {
  const auto array = New(3);
  const Output once = Write(array, 0, Vector({1}), array.flow);
  ExpectRunError(Write(array, 3, Vector({1}), array.flow),
                 "Tried to write to index 3 but array is not resizeable and size is: 3");
  ExpectRunError(Write(array, -1, Vector({1}), array.flow), "Tried to write to index -1");
  ExpectRunError(Read(array, 3, once), "Tried to read from index 3 but array size is: 3");
  ExpectRunError(Write(array, 0, Vector({1}), once), "it has already been written to");
  ExpectRunError(New(-1).flow, "Size should be >= 0");
  const Output read = Read(array, 0, once);
  const Output again = Read(array, 0, ops::Identity(root_.After({read}), once));
  ExpectRunError(again, "twice because it was cleared after a previous read");
  ExpectRunError(
      ops::TensorArrayReadV3(root_, array.handle, ops::Const(root_, 0), once, DType::kInt32),
      "TensorArray dtype is float32 but Op requested dtype int32");
  const auto same = New(2, {.element_shape = {2}});
  ExpectRunError(Write(same, 0, Vector({1, 2, 3}), same.flow),
                 "incompatible with the TensorArray's inferred element shape");
}

TEST_F(TensorArrayTest, Closed) {
  const auto array = New(1);
  const Output flow = Write(array, 0, Vector({1}), array.flow);
  const Output close = ops::TensorArrayCloseV3(root_.After({flow}), array.handle);
  const Output read = Read(array, 0, ops::Identity(root_.After({close}), flow));
  ExpectRunError(read, "has already been closed.");
}

// y = sum(2 * a[0]) + sum(3 * a[1]) + sum(3 * a[1]): elements' gradients, summed over their reads.
TEST_F(TensorArrayTest, GradientOfWriteAndRead) {
  const Output x = Vector({1, 2});
  const Output z = Vector({5, 6});
  const auto array = New(2, {.clear_after_read = false});
  const Output flow = Write(array, 1, z, Write(array, 0, x, array.flow));
  const Output twice = ops::Mul(root_, Read(array, 0, flow), ops::Const(root_, 2.0f));
  const Output thrice = ops::Mul(root_, Read(array, 1, flow), ops::Const(root_, 3.0f));
  const Output more = ops::Mul(root_, Read(array, 1, flow), ops::Const(root_, 3.0f));
  const Output y = ops::Sum(root_, ops::AddN(root_, {twice, thrice, more}), {0});
  const auto dy = Gradients(root_, {y}, {x, z});
  const auto got = Run({dy[0], dy[1]});
  ASSERT_THAT(got, IsOk());
  ExpectClose((*got)[0], Tensor::Of<float>({2}, {2, 2}));
  ExpectClose((*got)[1], Tensor::Of<float>({2}, {6, 6}));
}

}  // namespace
}  // namespace sluice
