// Which cells of its input each output position of a locally connected layer sees, and the tensors
// made of that. For locally_connected.cc.
#ifndef SLUICE_LAYERS_LOCAL_CONNECTIONS_H_
#define SLUICE_LAYERS_LOCAL_CONNECTIONS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/at.h"
#include "graph/output.h"
#include "layers/data_format.h"
#include "ops/padding.h"

namespace sluice::layers {

// One spatial dimension.
struct LocalAxis {
  int64_t input, output, kernel, stride;
  Padding padding;

  // The first cell of the window of output o, which may lie before 0.
  int64_t Start(int64_t o) const {
    return o * stride - (padding == Padding::kSame ? kernel / 2 : 0);
  }
  bool Connected(int64_t o, int64_t cell) const {
    return cell >= Start(o) && cell < Start(o) + kernel;
  }
  int64_t Connections() const;  // over all outputs
};

// InvalidArgument ("Negative dimension size caused by subtracting") for a window that is larger
// than a kValid input.
absl::StatusOr<LocalAxis> MakeLocalAxis(int64_t input, int64_t kernel, int64_t stride,
                                        Padding padding);

// Both spatial dimensions (a sequence is an image of width 1) and the channels.
struct LocalConnections {
  LocalAxis rows, columns;
  int64_t channels, filters;
  DataFormat data_format;

  bool channels_first() const { return data_format == DataFormat::kChannelsFirst; }
  int64_t positions() const { return rows.output * columns.output; }
  int64_t cells() const { return rows.input * columns.input; }
  int64_t taps() const { return rows.kernel * columns.kernel; }
  // The length of implementation 3's kernel.
  int64_t count() const { return rows.Connections() * columns.Connections() * channels * filters; }
  // InvalidArgument when a tensor of these sizes cannot be.
  absl::Status Check() const;
};

// [cells, 1, positions, 1], or [1, cells, 1, positions] with channels first: 1 where connected,
// else 0.
Output ConnectionMask(At at, const LocalConnections& c, DType dtype);

// The filter of ops::LocallyConnected2D, [positions, taps * channels, filters], of implementation
// 3's kernel. Its elements outside the image are arbitrary: that op does not read them.
Output FilterOfConnections(At at, const LocalConnections& c, const Output& kernel);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_LOCAL_CONNECTIONS_H_
