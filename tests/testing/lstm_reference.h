// LSTM and GRU steps in plain loops, for the tests of the ops that compute them.
#ifndef SLUICE_TESTS_TESTING_LSTM_REFERENCE_H_
#define SLUICE_TESTS_TESTING_LSTM_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace sluice {

using Doubles = std::vector<double>;

inline double SlowSigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// [batch, inputs + size] x w + b for w [inputs + size, columns].
inline Doubles SlowGates(int64_t batch, const Doubles& x, const Doubles& h, const Doubles& w,
                         const Doubles& b) {
  if (batch == 0) return {};
  const int64_t inputs = static_cast<int64_t>(x.size()) / batch;
  const int64_t size = static_cast<int64_t>(h.size()) / batch;
  const auto columns = static_cast<int64_t>(b.size());
  Doubles y(batch * columns);
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t c = 0; c < columns; ++c) {
      double sum = b[c];
      for (int64_t k = 0; k < inputs; ++k) sum += x[n * inputs + k] * w[k * columns + c];
      for (int64_t k = 0; k < size; ++k) sum += h[n * size + k] * w[(inputs + k) * columns + c];
      y[n * columns + c] = sum;
    }
  }
  return y;
}

struct SlowLstmStep {
  Doubles i, cs, f, o, ci, co, h;
};

struct SlowLstm {
  int64_t batch, size;
  double forget_bias, clip;     // clip <= 0: none
  Doubles w, b, wci, wcf, wco;  // peephole weights: empty for none
  bool v2 = false;              // gates i, f, c, o instead of i, c, f, o

  SlowLstmStep Step(const Doubles& x, const Doubles& cs_prev, const Doubles& h_prev) const {
    const Doubles gates = SlowGates(batch, x, h_prev, w, b);
    SlowLstmStep y;
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t k = 0; k < size; ++k) {
        const double* gate = &gates[n * 4 * size + k];
        const double before = cs_prev[n * size + k];
        const double peep_i = wci.empty() ? 0 : wci[k] * before;
        const double peep_f = wcf.empty() ? 0 : wcf[k] * before;
        const double i = SlowSigmoid(gate[0] + peep_i);
        const double f = SlowSigmoid(gate[(v2 ? 1 : 2) * size] + forget_bias + peep_f);
        const double ci = std::tanh(gate[(v2 ? 2 : 1) * size]);
        double cs = ci * i + before * f;
        if (clip > 0) cs = std::clamp(cs, -clip, clip);
        const double o = SlowSigmoid(gate[3 * size] + (wco.empty() ? 0 : wco[k] * cs));
        y.i.push_back(i);
        y.cs.push_back(cs);
        y.f.push_back(f);
        y.o.push_back(o);
        y.ci.push_back(ci);
        y.co.push_back(std::tanh(cs));
        y.h.push_back(o * std::tanh(cs));
      }
    }
    return y;
  }
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_LSTM_REFERENCE_H_
