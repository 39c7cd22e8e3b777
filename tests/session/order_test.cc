// Which nodes run, and in which order.
#include "session/order.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests

class OrderTest : public SessionFixture {
 protected:
  // Names of the nodes that a run of `fetches` runs, in order.
  std::vector<std::string> Names(const Outputs& fetches, const Feeds& feeds = {}) {
    const Request request = {feeds, fetches, false};
    const LiveEdges edges(request);
    const auto needed = Prune(edges, request);
    EXPECT_THAT(needed, IsOk());
    const auto order = OrderNodes(*needed, edges, request);
    EXPECT_THAT(order, IsOk());
    std::vector<std::string> names;
    for (const Node* node : order->nodes) names.push_back(node->name());
    return names;
  }
  Output Named(const std::string& name) { return Const(root_.Named(name), 1); }
  At In(const std::string& name) { return At(root_.Named(name)); }
};

using Strings = std::vector<std::string>;

TEST_F(OrderTest, TheOldestReadyNodeComesFirst) {
  const Output a = Named("a"), b = Named("b"), c = Named("c");
  const Output d = Add(In("d"), c, a);
  const Output e = Add(In("e"), b, b);
  Named("unused");
  EXPECT_EQ(Names({Add(In("f"), e, d)}), (Strings{"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(Names({e, d}), (Strings{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(Names({e}), (Strings{"b", "e"}));
}

TEST_F(OrderTest, ControlEdgesCountAsEdges) {
  const Output a = Named("a");
  const Output b = Effect(root_.Named("b"), "b");
  const Output c = Const(root_.Named("c").After({b}), 1);
  const Output late = Effect(root_.Named("late").After({c}), "late");
  EXPECT_EQ(Names({late}), (Strings{"b", "c", "late"}));
  EXPECT_EQ(Names({late, a}), (Strings{"a", "b", "c", "late"}));
}

TEST_F(OrderTest, FedTensorsCutDataEdges) {
  const Output a = Named("a");
  const Output b = Identity(In("b"), a);
  const Output c = Identity(In("c"), b);
  EXPECT_EQ(Names({c}, {{b, Tensor::Scalar(1.0f)}}), (Strings{"c"}));
  EXPECT_EQ(Names({b}, {{b, Tensor::Scalar(1.0f)}}), (Strings{}));
  // Who waits for the op still makes it run.
  const Output d = Effect(root_.Named("d").After({b}), "d");
  EXPECT_EQ(Names({d}, {{b, Tensor::Scalar(1.0f)}}), (Strings{"a", "b", "d"}));
}

TEST_F(OrderTest, UpdatesWaitForThoseWhoLookAtTheOldValue) {
  const Output v = VarHandle(In("v"), "v", {1});
  const Output one = Const(In("one"), Floats({1}));
  const Output update = AssignAdd(In("update"), v, one);
  const Output read = Read(In("read"), v);
  const Output alias = Identity(In("alias"), read);
  const Output user = Square(In("user"), alias);
  const Output other = Square(In("other"), one);
  const Output last = Square(In("last"), user);
  // The update goes right after the last user of the snapshot, before work that does not care.
  EXPECT_EQ(Names({update, other, last}),
            (Strings{"v", "one", "read", "alias", "user", "update", "other", "last"}));
}

TEST_F(OrderTest, UpdatesOfDifferentVariablesDoNotWaitForEachOther) {
  const Output one = Const(In("one"), Floats({1}));
  const Output v = VarHandle(In("v"), "v", {1}), w = VarHandle(In("w"), "w", {1});
  const Output read_v = Read(In("read_v"), v), read_w = Read(In("read_w"), w);
  const Output use_w = Square(In("use_w"), read_w);
  const Output update_w = AssignAdd(In("update_w"), w, one);
  const Output use_v = Square(In("use_v"), read_v);
  const Output update_v = AssignAdd(In("update_v"), v, use_w);
  EXPECT_EQ(
      Names({update_v, update_w, use_v}),
      (Strings{"one", "v", "w", "read_v", "read_w", "use_w", "update_w", "use_v", "update_v"}));
}

TEST_F(OrderTest, AReadThatMustFollowTheUpdateDoes) {
  const Output v = VarHandle(In("v"), "v", {1});
  const Output one = Const(In("one"), Floats({1}));
  const Output update = AssignAdd(In("update"), v, one);
  const Output after = Read(root_.Named("after").After({update}), v);
  const Output before = Read(In("before"), v);
  const Output user = Square(In("user"), before);
  const Output other = Square(In("other"), one);
  EXPECT_EQ(Names({after, user, other}),
            (Strings{"v", "one", "before", "user", "other", "update", "after"}));
}

TEST_F(OrderTest, AnUpdateThatUsesTheOldValueItselfRuns) {
  const Output v = VarHandle(In("v"), "v", {1});
  const Output read = Read(In("read"), v);
  const Output update = AssignAdd(In("update"), v, read);
  EXPECT_EQ(Names({update}), (Strings{"v", "read", "update"}));
}

TEST_F(OrderTest, ReferencesOrderLikeHandles) {
  const Output v = RefVariable(In("v"), "v", {1});
  const Output one = Const(In("one"), Floats({1}));
  const Output update = RefAssignAdd(In("update"), v, one);
  const Output read = Identity(In("read"), v);
  const Output user = Square(In("user"), read);
  EXPECT_EQ(Names({update, user}), (Strings{"v", "one", "read", "user", "update"}));
}

// Any order of fetches gives the same order of nodes.
TEST_F(OrderTest, DependsOnTheSetOfFetchesOnly) {
  Outputs all = {Named("c0"), Named("c1")};
  for (int i = 2; i < 60; ++i) {
    all.push_back(Add(root_, all[(i * 7) % all.size()], all[(i * 13) % all.size()]));
  }
  const Strings forward = Names(all);
  std::reverse(all.begin(), all.end());
  EXPECT_EQ(Names(all), forward);
}

}  // namespace
}  // namespace sluice
