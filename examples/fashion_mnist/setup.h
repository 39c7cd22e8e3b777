// What the program needs around the training: data files, interrupts, the table of variables.
#ifndef SLUICE_EXAMPLES_FASHION_MNIST_SETUP_H_
#define SLUICE_EXAMPLES_FASHION_MNIST_SETUP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "train/image_set.h"

namespace sluice::examples {

// What the labels 0 to 9 stand for.
extern const std::vector<std::string> kClasses;

// The first Ctrl-C (or SIGTERM) makes Interrupted() true, so that the loop can stop after the
// present step; the second ends the program at once.
void CatchInterrupts();
bool Interrupted();

// `data`/<prefix>-images-idx3-ubyte.gz with its labels. Errors name the Debian package that has the
// files.
absl::StatusOr<train::ImageSet> ReadImages(const std::string& data, const std::string& prefix);

// Name, shape and parameters of every trainable variable, and the total.
void PrintVariables(const Graph& graph);

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FASHION_MNIST_SETUP_H_
