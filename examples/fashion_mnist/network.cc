#include "examples/fashion_mnist/network.h"

#include "sluice.h"

namespace sluice::examples {

Output Classifier(Scope s, Output images, Output training) {
  Output x = layers::Conv2D(s, images,
                            {.filters = 32,
                             .kernel_size = 5,
                             .padding = Padding::kSame,
                             .activation = ops::Relu,
                             .name = "conv1"});
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = layers::SeparableConv2D(
      s, x, {.filters = 64, .kernel_size = {3, 3}, .activation = ops::Relu, .name = "conv2"});
  x = layers::Dropout(s, layers::Flatten(s, x), {.rate = 0.4f, .training = training});
  return layers::Dense(s, x, {.units = 10, .name = "logits"});
}

}  // namespace sluice::examples
