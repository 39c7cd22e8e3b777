// Convolutions of images: Conv2D and SeparableConv2D.
#ifndef SLUICE_LAYERS_CONV2D_H_
#define SLUICE_LAYERS_CONV2D_H_

#include "layers/conv.h"
#include "layers/separable_conv.h"

#endif  // SLUICE_LAYERS_CONV2D_H_
