// The one list of ops. Adding an op X: write `OpSpec XOp()` in its file pair and add X(X) to its
// family here.
#include "ops/all_ops.h"

#include <utility>

#include "glog/logging.h"
#include "ops/rewrites/all_rewrites.h"

// clang-format off
#define SLUICE_OPS(X)                                                             \
  /* arrays: constants, placeholders, shapes, slices */                           \
  X(Const)                                                                        \
  X(Placeholder) X(PlaceholderV2) X(PlaceholderWithDefault)                       \
  X(Identity) X(IdentityN) X(StopGradient) X(PreventGradient) X(Snapshot)         \
  X(DeepCopy) X(CheckNumerics) X(NoOp) X(Assert)                                  \
  X(Fill) X(ZerosLike) X(OnesLike) X(Empty)                                       \
  X(Shape) X(ShapeN) X(Size) X(Rank)                                              \
  X(Reshape) X(ExpandDims) X(Squeeze)                                             \
  X(Transpose) X(ConjugateTranspose) X(InvertPermutation)                         \
  X(Concat) X(ConcatV2) X(ConcatOffset) X(Pack) X(ParallelConcat)                 \
  X(Split) X(SplitV) X(Unpack)                                                    \
  X(Slice)                                                                        \
  X(StridedSlice) X(StridedSliceGrad)                                             \
  X(Pad) X(PadV2) X(MirrorPad) X(MirrorPadGrad)                                   \
  X(Tile) X(BroadcastTo)                                                          \
  X(Gather) X(GatherV2) X(GatherNd)                                               \
  X(ScatterNd)                                                                    \
  X(UnsortedSegmentSum) X(UnsortedSegmentProd)                                    \
  X(UnsortedSegmentMax) X(UnsortedSegmentMin)                                     \
  X(SegmentSum) X(SegmentMean) X(SegmentProd) X(SegmentMax) X(SegmentMin)         \
  X(OneHot)                                                                       \
  X(Range) X(LinSpace)                                                            \
  X(Reverse) X(ReverseV2) X(ReverseSequence)                                      \
  X(Diag) X(DiagPart)                                                             \
  X(MatrixDiag) X(MatrixDiagPart) X(MatrixSetDiag) X(MatrixBandPart)              \
  X(Where)                                                                        \
  X(Unique) X(UniqueWithCounts) X(ListDiff)                                       \
  X(SpaceToBatchND) X(BatchToSpaceND) X(SpaceToBatch) X(BatchToSpace)             \
  X(SpaceToDepth) X(DepthToSpace)                                                 \
  X(DynamicStitch) X(ParallelDynamicStitch) X(DynamicPartition)                   \
  X(Roll)                                                                         \
  X(Bitcast)                                                                      \
  X(BroadcastArgs)                                                                \
                                                                                  \
                                                                                  \
  /* math: elementwise, reductions, products, comparisons */                      \
  X(Neg) X(Abs) X(Sign) X(Square) X(Sqrt) X(Rsqrt) X(Reciprocal) X(Inv)           \
  X(Exp) X(Expm1) X(Log) X(Log1p) X(Sigmoid) X(Sin) X(Cos) X(Tan) X(Asin)         \
  X(Acos) X(Atan) X(Sinh) X(Cosh) X(Tanh) X(Asinh) X(Acosh) X(Atanh)              \
  X(Erf) X(Erfc) X(Lgamma) X(Digamma) X(Floor) X(Ceil) X(Round) X(Rint)           \
  X(IsNan) X(IsInf) X(IsFinite) X(LogicalNot) X(TanhGrad) X(SigmoidGrad)          \
  X(SqrtGrad) X(RsqrtGrad) X(ReciprocalGrad) X(InvGrad)                           \
  X(Complex) X(Real) X(Imag) X(Conj) X(ComplexAbs) X(Angle)                       \
  X(Add) X(AddV2) X(Sub) X(Mul) X(Div) X(RealDiv) X(FloorDiv) X(TruncateDiv)      \
  X(FloorMod) X(Mod) X(TruncateMod) X(Pow) X(Maximum) X(Minimum)                  \
  X(SquaredDifference) X(DivNoNan) X(MulNoNan) X(Xdivy) X(Xlogy) X(Atan2)         \
  X(Equal) X(NotEqual) X(Less) X(LessEqual) X(Greater) X(GreaterEqual)            \
  X(ApproximateEqual) X(LogicalAnd) X(LogicalOr) X(BroadcastGradientArgs)         \
  X(Select) X(SelectV2) X(Cast) X(ClipByValue) X(AddN) X(AccumulateNV2)           \
  X(MatMul) X(BatchMatMul) X(BatchMatMulV2) X(ArgMax) X(ArgMin) X(L2Loss)         \
  X(Sum) X(Mean) X(Prod) X(Max) X(Min) X(All) X(Any) X(EuclideanNorm)             \
  X(Cumsum) X(Cumprod) X(TopK) X(TopKV2) X(InTopK) X(InTopKV2) X(Bincount)        \
                                                                                  \
                                                                                  \
  /* neural networks: convolution, pooling, activations, losses, norms */         \
  X(Softmax) X(LogSoftmax) X(SoftmaxCrossEntropyWithLogits)                       \
  X(SparseSoftmaxCrossEntropyWithLogits)                                          \
  X(Conv2D) X(Conv2DBackpropInput) X(Conv2DBackpropFilter)                        \
  X(DepthwiseConv2dNative) X(DepthwiseConv2dNativeBackpropInput)                  \
  X(DepthwiseConv2dNativeBackpropFilter)                                          \
  X(LocallyConnected2D) X(LocallyConnected2DBackpropInput)                        \
  X(LocallyConnected2DBackpropFilter)                                             \
  X(BiasAdd) X(BiasAddV1) X(BiasAddGrad)                                          \
  X(Relu) X(ReluGrad) X(Relu6) X(Relu6Grad) X(LeakyRelu) X(LeakyReluGrad)         \
  X(Elu) X(EluGrad) X(Selu) X(SeluGrad) X(Softplus) X(SoftplusGrad)               \
  X(Softsign) X(SoftsignGrad)                                                     \
  X(MaxPool) X(MaxPoolGrad) X(MaxPoolGradGrad) X(MaxPoolV2) X(MaxPoolGradV2)      \
  X(AvgPool) X(AvgPoolGrad)                                                       \
  X(FusedBatchNorm) X(FusedBatchNormV2) X(FusedBatchNormV3)                       \
  X(FusedBatchNormGrad) X(FusedBatchNormGradV2) X(FusedBatchNormGradV3)           \
  X(FusedBatchNormEx) X(FusedBatchNormGradEx)                                     \
                                                                                  \
                                                                                  \
  /* random */                                                                    \
  X(RandomUniform) X(RandomStandardNormal) X(TruncatedNormal)                     \
  X(RandomUniformInt)                                                             \
                                                                                  \
                                                                                  \
  /* state: variables, training, files, summaries */                              \
  X(VarHandleOp) X(ReadVariableOp) X(VarIsInitializedOp) X(VariableShape)         \
  X(InitializedValue) X(InitializedRefValue)                                      \
  X(AssignVariableOp) X(AssignAddVariableOp) X(AssignSubVariableOp)               \
  X(ResourceGather) X(ResourceScatterUpdate) X(ResourceScatterAdd)                \
  X(ResourceScatterSub) X(ResourceScatterMul) X(ResourceScatterDiv)               \
  X(ResourceScatterMin) X(ResourceScatterMax) X(ScatterUpdate) X(ScatterAdd)      \
  X(ScatterSub) X(ScatterMul) X(ScatterDiv) X(ScatterMin) X(ScatterMax)           \
  X(VariableV2) X(Variable) X(Assign) X(AssignAdd) X(AssignSub)                   \
  X(IsVariableInitialized) X(ResourceApplyGradientDescent)                        \
  X(ResourceApplyMomentum) X(ResourceApplyKerasMomentum) X(ResourceApplyAdam)     \
  X(ResourceApplyAdaMax) X(ResourceApplyAdagrad) X(ResourceApplyAdadelta)         \
  X(ResourceApplyRMSProp) X(ResourceApplyCenteredRMSProp) X(ResourceApplyFtrl)    \
  X(ResourceApplyFtrlV2) X(ApplyGradientDescent) X(ApplyMomentum) X(ApplyAdam)    \
  X(ApplyAdaMax) X(ApplyAdagrad) X(ApplyAdadelta) X(ApplyRMSProp)                 \
  X(ApplyCenteredRMSProp) X(ApplyFtrl) X(ApplyFtrlV2)                             \
  X(ResourceSparseApplyMomentum) X(SparseApplyMomentum)                           \
  X(SaveV2) X(RestoreV2)                                                          \
  X(MergeV2Checkpoints) X(ShardedFilename) X(ShardedFilespec) X(StringJoin)       \
  X(ScalarSummary) X(HistogramSummary) X(MergeSummary)                            \
                                                                                  \
  /* images: resizing, boxes, colours, patches; recurrent blocks */                \
  X(ResizeArea) X(ResizeBicubic) X(ResizeBilinear) X(ResizeNearestNeighbor)       \
  X(ResizeBicubicGrad) X(ResizeBilinearGrad) X(ResizeNearestNeighborGrad) X(LRN)  \
  X(LRNGrad) X(BatchNormWithGlobalNormalization)                                  \
  X(BatchNormWithGlobalNormalizationGrad) X(CropAndResize)                        \
  X(CropAndResizeGradImage) X(CropAndResizeGradBoxes) X(NonMaxSuppression)        \
  X(NonMaxSuppressionV2) X(NonMaxSuppressionV3) X(NonMaxSuppressionV4)            \
  X(NonMaxSuppressionV5) X(ExtractImagePatches) X(LSTMBlockCell)                  \
  X(LSTMBlockCellGrad) X(BlockLSTM) X(BlockLSTMGrad) X(BlockLSTMV2)               \
  X(BlockLSTMGradV2) X(GRUBlockCell) X(GRUBlockCellGrad) X(AdjustContrastv2)      \
  X(AdjustHue) X(AdjustSaturation) X(RGBToHSV) X(HSVToRGB) X(DrawBoundingBoxes)   \
  X(DrawBoundingBoxesV2) X(FakeQuantWithMinMaxArgs)                               \
  X(FakeQuantWithMinMaxArgsGradient) X(FakeQuantWithMinMaxVars)                   \
  X(FakeQuantWithMinMaxVarsGradient) X(FakeQuantWithMinMaxVarsPerChannel)         \
  X(FakeQuantWithMinMaxVarsPerChannelGradient) X(Dequantize) X(QuantizeV2)        \
  X(Dilation2D) X(Dilation2DBackpropInput) X(Dilation2DBackpropFilter)            \
  X(FusedPadConv2D) X(FusedResizeAndPadConv2D)                                    \
  X(FusedConv2D) X(FusedDepthwiseConv2dNative) X(FusedMatMul)                     \
                                                                                  \
  /* three-dimensional convolution and pooling, pooling with argmax */            \
  X(Conv3D) X(Conv3DBackpropInput) X(Conv3DBackpropFilter)                        \
  X(Conv3DBackpropInputV2) X(Conv3DBackpropFilterV2)                              \
  X(MaxPool3D) X(MaxPool3DGrad) X(MaxPool3DGradGrad)                              \
  X(AvgPool3D) X(AvgPool3DGrad) X(MaxPoolGradGradV2)                              \
  X(MaxPoolWithArgmax) X(MaxPoolGradWithArgmax) X(MaxPoolGradGradWithArgmax)      \
                                                                                  \
  /* linear algebra, bits, special functions, sparse segments */                  \
  X(BitwiseAnd) X(BitwiseOr) X(BitwiseXor) X(Invert) X(LeftShift) X(RightShift)   \
  X(PopulationCount) X(Igamma) X(Igammac) X(IgammaGradA) X(Zeta) X(Polygamma)     \
  X(Betainc) X(BesselI0e) X(BesselI1e) X(Cross) X(HistogramFixedWidth)            \
  X(Bucketize) X(NthElement) X(CompareAndBitpack) X(EnsureShape)                  \
  X(MatrixInverse) X(MatrixSolve) X(MatrixTriangularSolve) X(MatrixSolveLs)       \
  X(MatrixDeterminant) X(LogMatrixDeterminant) X(Lu) X(Cholesky) X(CholeskyGrad)  \
  X(Qr) X(SelfAdjointEigV2) X(Svd) X(Einsum)                                      \
  X(SparseSegmentSum) X(SparseSegmentMean) X(SparseSegmentSqrtN)                  \
  X(SparseSegmentSumWithNumSegments) X(SparseSegmentMeanWithNumSegments)          \
  X(SparseSegmentSqrtNWithNumSegments) X(SparseSegmentMeanGrad)                   \
  X(SparseSegmentSqrtNGrad)                                                       \
                                                                                  \
  /* sparse and stateful updates, stateless and other random streams */           \
  X(ScatterNdUpdate) X(ScatterNdAdd) X(ScatterNdSub) X(ResourceScatterNdUpdate)   \
  X(ResourceScatterNdAdd) X(ResourceScatterNdSub) X(ScatterNdNonAliasingAdd)      \
  X(TensorScatterUpdate) X(TensorScatterAdd) X(TensorScatterSub)                  \
  X(ResourceGatherNd) X(StridedSliceAssign) X(ResourceStridedSliceAssign)         \
  X(CountUpTo) X(ResourceCountUpTo) X(DestroyResourceOp)                          \
  X(TemporaryVariable) X(DestroyTemporaryVariable)                                \
  X(ResourceApplyAdamWithAmsgrad) X(ResourceApplyAdagradV2) X(ApplyAdagradV2)     \
  X(ResourceApplyAdagradDA) X(ApplyAdagradDA)                                     \
  X(ResourceApplyProximalGradientDescent) X(ApplyProximalGradientDescent)         \
  X(ResourceApplyProximalAdagrad) X(ApplyProximalAdagrad)                         \
  X(ResourceApplyAddSign) X(ApplyAddSign) X(ResourceApplyPowerSign)               \
  X(ApplyPowerSign) X(ResourceSparseApplyKerasMomentum)                           \
  X(ResourceSparseApplyAdagrad) X(SparseApplyAdagrad)                             \
  X(ResourceSparseApplyAdagradV2) X(SparseApplyAdagradV2)                         \
  X(ResourceSparseApplyAdagradDA) X(SparseApplyAdagradDA)                         \
  X(ResourceSparseApplyAdadelta) X(SparseApplyAdadelta)                           \
  X(ResourceSparseApplyRMSProp) X(SparseApplyRMSProp)                             \
  X(ResourceSparseApplyCenteredRMSProp) X(SparseApplyCenteredRMSProp)             \
  X(ResourceSparseApplyFtrl) X(SparseApplyFtrl) X(ResourceSparseApplyFtrlV2)      \
  X(SparseApplyFtrlV2) X(ResourceSparseApplyProximalGradientDescent)              \
  X(SparseApplyProximalGradientDescent) X(ResourceSparseApplyProximalAdagrad)     \
  X(SparseApplyProximalAdagrad)                                                   \
  X(StatelessRandomUniform) X(StatelessRandomNormal) X(StatelessTruncatedNormal)  \
  X(StatelessRandomUniformInt) X(Multinomial) X(StatelessMultinomial)             \
  X(RandomShuffle) X(RandomGamma) X(RandomGammaGrad) X(RandomPoisson)             \
  X(RandomPoissonV2) X(ParameterizedTruncatedNormal)                              \
  X(UniqueV2) X(UniqueWithCountsV2)                                               \
                                                                                  \
  /* sparse tensors, strings, files, summaries, tables */                         \
  X(SparseToDense) X(SparseTensorDenseMatMul) X(SparseTensorDenseAdd)             \
  X(SparseDenseCwiseMul) X(SparseDenseCwiseDiv) X(SparseDenseCwiseAdd)            \
  X(SparseSoftmax) X(SparseReduceSum) X(SparseReduceMax)                          \
  X(SparseReduceSumSparse) X(SparseReduceMaxSparse) X(SparseReorder)              \
  X(SparseReshape) X(SparseConcat) X(SparseSlice) X(SparseSliceGrad)              \
  X(SparseSplit) X(SparseAdd) X(SparseAddGrad) X(SparseSparseMaximum)             \
  X(SparseSparseMinimum) X(SparseFillEmptyRows) X(SparseFillEmptyRowsGrad)        \
  X(DenseToDenseSetOperation) X(DenseToSparseSetOperation)                        \
  X(SparseToSparseSetOperation) X(SetSize) X(RaggedRange)                         \
  X(AsString) X(StringToNumber) X(StringSplit) X(StringSplitV2)                   \
  X(StringToHashBucketFast) X(StringToHashBucket) X(ReduceJoin)                   \
  X(StringLower) X(StringUpper) X(StringStrip) X(StringLength) X(Substr)          \
  X(EncodeBase64) X(DecodeBase64) X(RegexFullMatch) X(StaticRegexFullMatch)       \
  X(RegexReplace) X(StaticRegexReplace) X(DecodeRaw) X(DecodeCompressed)          \
  X(ReadFile) X(WriteFile) X(MatchingFiles) X(Print) X(PrintV2) X(Timestamp)      \
  X(HashTable) X(HashTableV2) X(MutableHashTable) X(MutableHashTableV2)           \
  X(InitializeTable) X(InitializeTableV2) X(InitializeTableFromTextFile)          \
  X(InitializeTableFromTextFileV2) X(LookupTableFind) X(LookupTableFindV2)        \
  X(LookupTableSize) X(LookupTableSizeV2) X(LookupTableInsert)                    \
  X(LookupTableInsertV2) X(LookupTableImport) X(LookupTableImportV2)              \
  X(LookupTableRemoveV2) X(LookupTableExport) X(LookupTableExportV2)              \
  X(ImageSummary) X(AudioSummary) X(AudioSummaryV2) X(TensorSummary)              \
  X(TensorSummaryV2) X(Save) X(SaveSlices) X(Restore) X(RestoreSlice)             \
  X(ParseExample) X(ParseSingleExample)                                           \
                                                                                  \
  /* control flow, tensor arrays, stacks */                                       \
  X(Switch) X(RefSwitch) X(Merge) X(RefMerge) X(Enter) X(RefEnter) X(Exit)        \
  X(RefExit) X(NextIteration) X(RefNextIteration) X(LoopCond) X(ControlTrigger)   \
  X(RefIdentity)                                                                  \
  X(PartitionedCall) X(StatefulPartitionedCall) X(If) X(StatelessIf) X(Case)      \
  X(StatelessCase) X(While) X(StatelessWhile)                                     \
  X(TensorArrayV3) X(TensorArrayGradV3) X(TensorArrayGradWithShape)               \
  X(TensorArrayWriteV3) X(TensorArrayReadV3) X(TensorArrayGatherV3)               \
  X(TensorArrayScatterV3) X(TensorArrayConcatV3) X(TensorArraySplitV3)            \
  X(TensorArraySizeV3) X(TensorArrayCloseV3)                                      \
  X(StackV2) X(StackPushV2) X(StackPopV2) X(StackCloseV2)                         \
  X(Stack) X(StackPush) X(StackPop) X(StackClose)                                 \
                                                                                  \
  /* what rewrites make */                                                         \
  X(FusedElementwise) X(FusedReduction)                                           \
                                                                                  \
  /* end */
// clang-format on

namespace sluice::ops {

#define X(name) OpSpec name##Op();
SLUICE_OPS(X)
#undef X

const OpRegistry& Builtin() {
#define X(name) name##Op,
  static constexpr OpSpec (*kOps[])() = {SLUICE_OPS(X)};
#undef X
  static const OpRegistry* const registry = [] {
    auto* r = new OpRegistry;
    for (OpSpec (*op)() : kOps) {
      const absl::Status added = r->Add(op());
      CHECK(added.ok()) << added;
    }
    for (Rewrite& rewrite : AllRewrites()) {
      const absl::Status added = r->AddRewrite(std::move(rewrite));
      CHECK(added.ok()) << added;
    }
    return r;
  }();
  return *registry;
}

}  // namespace sluice::ops
