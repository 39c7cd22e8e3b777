// From a compiled program to what is told of it.
#ifndef SLUICE_SESSION_DESCRIBE_PROGRAM_H_
#define SLUICE_SESSION_DESCRIBE_PROGRAM_H_

#include "session/layout.h"
#include "session/plan_description.h"
#include "session/program.h"

namespace sluice {

PlanDescription DescribeProgram(const Program& program, const Layout& layout);

// Floating-point operations of one run of a step whose shapes are known, as its op tells
// (OpSpec::Flops); else 0.
double StepFlops(const Program& program, const ProgramStep& step);
// "MatMul", "read", "fetch", "alias", ...
std::string StepOp(const ProgramStep& step);

}  // namespace sluice

#endif  // SLUICE_SESSION_DESCRIBE_PROGRAM_H_
