// One convolution as a cuDNN operation graph, through cudnn-frontend, whose headers stay inside
// conv_graph.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "reference/cudnn/convolution.h"

namespace assay::cudnn {

// A cuDNN handle on the current device. Throws Error with cuDNN's text.
class Handle {
 public:
  Handle();
  // Stands for a device that need not be here, given by the JSON that cuDNN (9.8 or later) writes of its
  // properties: plans can be asked for, and none be built or run.
  explicit Handle(const std::string& device_properties);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  void SetStream(void* stream);

 private:
  friend class ConvGraph;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Device pointers of one execution; bias is NULL if the graph has none.
struct ConvPointers {
  const void* x = nullptr;
  const void* filter = nullptr;
  const void* bias = nullptr;
  void* y = nullptr;
  void* workspace = nullptr;
};

class ConvGraph {
 public:
  // kFused: the convolution with its bias and activation. kFusedMin: likewise, with relu6 as min(relu(x), 6);
  // cuDNN has other engines for that than for a relu with an upper clip. kAlone: the convolution;
  // LaunchEpilogue does the rest.
  enum class Form { kFused, kFusedMin, kAlone };

  // Describes the graph to cuDNN and asks its heuristics (modes A, B and fallback) for plans; builds none of
  // them. Throws Error if cuDNN refuses the graph or offers no plan that keeps the promised arithmetic and
  // fits in `workspace_limit`.
  ConvGraph(Handle& handle, const Convolution& conv, Form form, std::uint64_t workspace_limit);
  ~ConvGraph();
  ConvGraph(const ConvGraph&) = delete;
  ConvGraph& operator=(const ConvGraph&) = delete;

  std::int64_t Count() const;  // plans that may be built
  std::int64_t Barred()
      const;  // plans left out for their arithmetic (TF32 for fp32, Winograd, ...) or their workspace
  std::string Name(std::int64_t index) const;  // cuDNN's engine and knobs, "eng3_k2=1"
  // nullopt if the plan was built, otherwise cuDNN's reason.
  std::optional<std::string> Build(std::int64_t index);
  std::uint64_t WorkspaceBytes(std::int64_t index) const;  // of a built plan
  void Drop(std::int64_t index);                           // frees a built plan
  // Enqueues a built plan on the handle's stream. Throws Error.
  void Execute(Handle& handle, std::int64_t index, const ConvPointers& pointers) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace assay::cudnn
