#pragma once
/// Making a node of autograd's graph.

#include <memory>

#include <torch/csrc/autograd/function.h>

namespace repro {

/// A new node, destroyed as autograd destroys its own: without recursion, however long the graph.
template <class Node>
std::shared_ptr<Node> MakeNode() {
  return {new Node(), torch::autograd::deleteNode};
}

}  // namespace repro
