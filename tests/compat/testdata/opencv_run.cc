// Runs a frozen TensorFlow graph with OpenCV: opencv_run MODEL.pb OUTPUT [INPUT=FILE]... RESULT.
// FILE and RESULT: int32 rank, int32 dimensions, float32 elements. Images there are [n, h, w, c];
// OpenCV's blobs are [n, c, h, w]. Compiled and run by tests/compat/opencv_test.cc.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <opencv2/dnn.hpp>
#include <string>
#include <vector>

namespace {

// Copies `from` [n, a, b, c] as [n, c, a, b], or back.
cv::Mat Swapped(const cv::Mat& from, bool channels_to_front) {
  const int* d = from.size.p;
  const int n = d[0];
  const int h = channels_to_front ? d[1] : d[2], w = channels_to_front ? d[2] : d[3];
  const int c = channels_to_front ? d[3] : d[1];
  const int front[] = {n, c, h, w}, last[] = {n, h, w, c};
  cv::Mat to(4, channels_to_front ? front : last, CV_32F);
  const float* in = from.ptr<float>();
  float* out = to.ptr<float>();
  for (int i = 0; i < n; ++i) {
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        for (int k = 0; k < c; ++k) {
          const int at_last = ((i * h + y) * w + x) * c + k,
                    at_front = ((i * c + k) * h + y) * w + x;
          if (channels_to_front) {
            out[at_front] = in[at_last];
          } else {
            out[at_last] = in[at_front];
          }
        }
      }
    }
  }
  return to;
}

cv::Mat Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  int32_t rank = 0;
  file.read(reinterpret_cast<char*>(&rank), sizeof rank);
  std::vector<int> dims(rank);
  file.read(reinterpret_cast<char*>(dims.data()), rank * sizeof(int32_t));
  cv::Mat values(rank, dims.data(), CV_32F);
  file.read(reinterpret_cast<char*>(values.data), values.total() * sizeof(float));
  if (!file) throw std::runtime_error("cannot read " + path);
  return rank == 4 ? Swapped(values, true) : values;
}

void Write(const std::string& path, const cv::Mat& blob) {
  const cv::Mat values = blob.dims == 4 ? Swapped(blob, false) : blob.clone();
  std::ofstream file(path, std::ios::binary);
  const int32_t rank = values.dims;
  file.write(reinterpret_cast<const char*>(&rank), sizeof rank);
  file.write(reinterpret_cast<const char*>(values.size.p), rank * sizeof(int32_t));
  file.write(reinterpret_cast<const char*>(values.data), values.total() * sizeof(float));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  try {
    cv::dnn::Net net = cv::dnn::readNetFromTensorflow(argv[1]);
    net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    for (int i = 3; i + 1 < argc; ++i) {
      const std::string arg = argv[i];
      const size_t equals = arg.find('=');
      net.setInput(Read(arg.substr(equals + 1)), arg.substr(0, equals));
    }
    const bool named = net.getLayerId(std::string(argv[2])) >= 0;
    Write(argv[argc - 1], named ? net.forward(argv[2]) : net.forward());
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
