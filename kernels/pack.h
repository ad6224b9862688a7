/* The interface between the harness and any kernel: the one header that a kernel pack includes.
 *
 * A pack is a shared object that exports one C function, assay_pack_entry, which returns a table of variants.
 * Only plain structs and pointers cross this interface; no C++ type, no exception, no CUDA type.
 *
 * Life of a case:
 *   supports(problem)            -> may say no, in words
 *   configurations(problem)      -> optional: what there is to choose from (tile, stages, split), best guess
 * first create(problem) -> plan      -> host-side set-up: choose a tile, build library plans; never timed.
 *                                   create_configured(problem, configuration) makes the choice that it is
 * told workspace_bytes(plan)        -> device memory that the harness allocates for the plan prepare(plan,
 * buffers)       -> optional, enqueued whenever weights or buffers change; never timed. It may read weights
 * only: activations hold NaN while it runs launch(plan, buffers, stream)-> enqueues the operator on `stream`
 * and returns; judged and timed release(plan)
 *
 * What a launch writes lies in its buffers alone: launch() may be called again, with other buffers and on
 * another stream, while an earlier launch still runs. Calls into a plan never overlap on the host.
 *
 * Every function that can fail returns 0 on success and writes a sentence into `message` otherwise.
 */
#ifndef ASSAY_KERNELS_PACK_H_
#define ASSAY_KERNELS_PACK_H_

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct below changes. A pack of another version is refused by name. */
#define ASSAY_PACK_ABI 3

typedef enum assay_dtype { ASSAY_F32 = 0, ASSAY_F16 = 1, ASSAY_BF16 = 2 } assay_dtype;

/* Memory order of the activations; weights and biases are always row-major in the order of their dimensions.
 */
typedef enum assay_layout { ASSAY_NCHW = 0, ASSAY_NHWC = 1 } assay_layout;

/* HOST: plain CPU memory, kernels run as fibers. CUDA: device memory, `stream` is a cudaStream_t. */
typedef enum assay_backend { ASSAY_BACKEND_HOST = 0, ASSAY_BACKEND_CUDA = 1 } assay_backend;

/* The number format that a multiplication's operands, or a sum, are held in. */
typedef enum assay_format {
  ASSAY_FORMAT_F64 = 0,
  ASSAY_FORMAT_F32 = 1,
  ASSAY_FORMAT_TF32 = 2,
  ASSAY_FORMAT_F16 = 3,
  ASSAY_FORMAT_BF16 = 4,
  ASSAY_FORMAT_TF32X3 =
      5 /* operands only: fp32 as the sum of two TF32 parts, of whose four products three are added */
} assay_format;

typedef enum assay_role { ASSAY_ROLE_KERNEL = 0, ASSAY_ROLE_BASELINE = 1 } assay_role;

typedef struct assay_param {
  const char* name;
  int64_t value;
} assay_param;

/* One instance of an operator. The names and meanings of the parameters are the operator's
 * (for dsconv: reference/dsconv/problem.h); the order of the tensors in assay_buffers too. */
typedef struct assay_problem {
  const char* op;
  const assay_param* params;
  int32_t num_params;
  assay_dtype dtype;
  assay_layout layout;
} assay_problem;

typedef struct assay_device_info {
  assay_backend backend;
  int32_t ordinal;                /* CUDA device index; 0 on the host device */
  int32_t compute_capability;     /* 10 * major + minor; 0 on the host device */
  int32_t num_sms;                /* OS threads on the host device */
  int64_t shared_bytes_per_block; /* the opt-in limit */
  int64_t l2_bytes;
  int64_t memory_bytes;
  char name[128]; /* as "NVIDIA H100 80GB HBM3", NUL-terminated; empty where it has none */
} assay_device_info;

/* What a variant promises of its arithmetic; the error bound is derived from it. */
typedef struct assay_promise {
  assay_format operand; /* multiplications take operands rounded to this format (at least the dtype's own);
                           biases are added, and are no operands */
  assay_format accumulator;    /* sums are held in this format */
  int32_t rounds_intermediate; /* 1: the result between the fused halves is rounded to the dtype, to nearest,
                                  ties to even */
  int32_t rounds_sums;         /* 1: each half's sum is rounded to the dtype before its bias and activation */
  int32_t repeatable;          /* 1: the same inputs give the same bits at every launch, wherever they lie */
  int32_t alignment;           /* bytes; every tensor is aligned to at least this, and may be to no more */
  int32_t prepacks_weights;    /* 1: prepare() rearranges weights into the workspace */
  int32_t drops_nan;           /* 1: an activation may turn NaN into a number, as fmaxf(z, 0) does */
} assay_promise;

/* Device pointers in the operator's tensor order. An absent optional tensor (a bias, say) is NULL. */
typedef struct assay_buffers {
  const void* const* inputs;
  int32_t num_inputs;
  void* const* outputs;
  int32_t num_outputs;
  void* workspace; /* aligned to 256 bytes */
  uint64_t workspace_bytes;
} assay_buffers;

/* Where a failing call says why: always NUL-terminated. */
typedef struct assay_message {
  char text[512];
} assay_message;

/* One axis along which a variant works in pieces: {"q", 32} for 32 output columns a block, say. `param` is a
 * parameter of the problem. Sizes around the multiples of `size` are where kernels break, so that is where
 * Assay looks. */
typedef struct assay_tile_axis {
  const char* param;
  int64_t size;
} assay_tile_axis;

/* One of the ways in which a variant can do a problem: all that it may choose, tile, stages, split, as a
 * short text that stands for it in tables and on command lines, as "64x128s3". */
typedef struct assay_configuration {
  char text[64]; /* NUL-terminated; 1 to 63 of the letters a-z A-Z, digits, _ - + = . : and no two alike */
  double cost; /* Microseconds of a launch by the variant's own model, on the GPU that the model was made for;
                  0: it has none to say */
} assay_configuration;

typedef struct assay_variant {
  const char* op;      /* operator that it computes, as "dsconv" */
  const char* name;    /* short, typed by people, as "tiled" */
  const char* summary; /* one line */
  assay_role role;

  /* What it promises for problems of this dtype. */
  assay_promise (*promise)(assay_dtype dtype);

  /* 0: supported. Otherwise `why` says which parameter is not taken and what is. */
  int32_t (*supports)(const assay_problem* problem, const assay_device_info* device, assay_message* why);

  int32_t (*create)(const assay_problem* problem, const assay_device_info* device, void** plan,
                    assay_message* error);
  uint64_t (*workspace_bytes)(const void* plan); /* NULL: none needed */
  int32_t (*prepare)(void* plan, const assay_buffers* buffers, void* stream,
                     assay_message* error); /* NULL: nothing to prepare */
  int32_t (*launch)(void* plan, const assay_buffers* buffers, void* stream, assay_message* error);
  /* One line on what create() chose (tile, library plan), for the record; NULL or a NULL result: nothing to
   * say. The string lives as long as the plan. */
  const char* (*describe)(const void* plan);
  void (*release)(void* plan);
  /* Writes the first `capacity` axes of the tile that it takes for such a problem, and returns how many there
   * are; NULL: it says nothing of its tile. */
  int32_t (*tile)(const assay_problem* problem, const assay_device_info* device, assay_tile_axis* axes,
                  int32_t capacity);
  /* Both or neither (NULL): what `assay tune` searches. The first writes the first `capacity` configurations
   * that are valid for such a problem on such a device, and returns how many there are: the one that create()
   * takes first, and few enough that all can be timed. The second is create() with one of these. */
  int32_t (*configurations)(const assay_problem* problem, const assay_device_info* device,
                            assay_configuration* list, int32_t capacity);
  int32_t (*create_configured)(const assay_problem* problem, const assay_device_info* device,
                               const char* configuration, void** plan, assay_message* error);
} assay_variant;

typedef struct assay_pack {
  uint32_t abi; /* ASSAY_PACK_ABI */
  const char* name;
  const char* version; /* of the pack or the library behind it, as "cuDNN 9.14.0"; NULL: none */
  assay_backend backend;
  const char* unavailable; /* NULL: usable. Otherwise the reason, as "libcudnn.so.9 was not found". */
  const assay_variant* variants;
  int32_t num_variants;
} assay_pack;

/* The one exported symbol of a pack. The table lives until the process ends. */
#define ASSAY_PACK_ENTRY_NAME "assay_pack_entry"
#if defined(_WIN32)
#define ASSAY_PACK_EXPORT __declspec(dllexport)
#else
#define ASSAY_PACK_EXPORT __attribute__((visibility("default")))
#endif
ASSAY_PACK_EXPORT const assay_pack* assay_pack_entry(void);

/* The value of parameter `name`, or `fallback` where the problem has none of that name. */
static inline int64_t assay_param_or(const assay_problem* problem, const char* name, int64_t fallback) {
  int32_t i;
  for (i = 0; i < problem->num_params; ++i) {
    if (strcmp(problem->params[i].name, name) == 0) return problem->params[i].value;
  }
  return fallback;
}

#ifdef __cplusplus
}
#endif

#endif /* ASSAY_KERNELS_PACK_H_ */
