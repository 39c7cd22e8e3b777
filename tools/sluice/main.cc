// The `sluice` command line.
#include <string>
#include <vector>

#include "glog/logging.h"
#include "tools/sluice/commands.h"

int main(int argc, char** argv) {
  google::InitGoogleLogging(argv[0]);
  FLAGS_logtostderr = true;
  return sluice::tools::Main(std::vector<std::string>(argv + 1, argv + argc));
}
