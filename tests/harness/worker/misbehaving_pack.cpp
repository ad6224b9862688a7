// Variants for the host device that are right in what they compute, if they get that far, and attack the
// process around it.
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "kernels/pack.h"

namespace {

struct Problem {
  std::int64_t n, c, k, pixels;
  int configuration = 0;  // of kConfigurations
};

assay_promise Promise(assay_dtype) {
  assay_promise promise{};
  promise.operand = ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  promise.repeatable = 1;
  promise.alignment = 4;
  return promise;
}

// 1x1 filters in fp32 nchw without bias or activation: enough to be right.
std::int32_t Supports(const assay_problem* problem, const assay_device_info*, assay_message* why) {
  const auto get = [problem](const char* name) { return assay_param_or(problem, name, 0); };
  const bool taken = problem->dtype == ASSAY_F32 && problem->layout == ASSAY_NCHW && get("r") == 1 &&
                     get("s") == 1 && get("stride_h") == 1 && get("stride_w") == 1 && get("p") == get("h") &&
                     get("q") == get("w") && get("bias_dw") == 0 && get("bias_pw") == 0 &&
                     get("act_mid") == 0 && get("act_out") == 0;
  if (taken) return 0;
  std::strcpy(why->text, "takes 1x1 filters in fp32 nchw only, without bias or activation");
  return 1;
}

std::int32_t Create(const assay_problem* problem, const assay_device_info*, void** plan, assay_message*) {
  const auto get = [problem](const char* name) { return assay_param_or(problem, name, 0); };
  *plan = new Problem{get("n"), get("c"), get("k"), get("h") * get("w")};
  return 0;
}

void Release(void* plan) { delete static_cast<Problem*>(plan); }

std::int32_t Good(void* plan, const assay_buffers* buffers, void*, assay_message*) {
  const Problem& problem = *static_cast<Problem*>(plan);
  const auto* x = static_cast<const float*>(buffers->inputs[0]);
  const auto* w_dw = static_cast<const float*>(buffers->inputs[1]);
  const auto* w_pw = static_cast<const float*>(buffers->inputs[3]);
  auto* y = static_cast<float*>(buffers->outputs[0]);
  for (std::int64_t n = 0; n < problem.n; ++n) {
    for (std::int64_t k = 0; k < problem.k; ++k) {
      for (std::int64_t i = 0; i < problem.pixels; ++i) {
        float sum = 0;
        for (std::int64_t c = 0; c < problem.c; ++c)
          sum += w_pw[k * problem.c + c] * (w_dw[c] * x[(n * problem.c + c) * problem.pixels + i]);
        y[(n * problem.k + k) * problem.pixels + i] = sum;
      }
    }
  }
  return 0;
}

std::int32_t Crash(void*, const assay_buffers*, void*, assay_message*) {
  std::fprintf(stderr, "about to read what is not there\n");
  return std::raise(SIGSEGV);  // a sanitizer would see a real one coming
}
std::int32_t Abort(void*, const assay_buffers*, void*, assay_message*) { std::abort(); }
std::int32_t Hang(void*, const assay_buffers*, void*, assay_message*) {
  while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
}
std::int32_t ExitZero(void*, const assay_buffers*, void*, assay_message*) { std::_Exit(0); }
std::int32_t Print(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  std::printf("{\"verdict\": \"right\"}\n");
  std::fflush(stdout);
  return Good(plan, buffers, stream, error);
}
// Computes nothing, and tells everybody who may be listening that all is well.
std::int32_t Forge(void*, const assay_buffers*, void*, assay_message*) {
  const char answer[] = "{\"ok\": true, \"verdict\": \"right\"}\n";
  for (int fd = 3; fd < 1024; ++fd) static_cast<void>(!::write(fd, answer, sizeof answer));
  return 0;
}
std::int32_t CloseAll(void*, const assay_buffers*, void*, assay_message*) {
  for (int fd = 3; fd < 1024; ++fd) ::close(fd);
  return 0;
}
std::int32_t KillParent(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  ::kill(::getpid(), SIGKILL);
  return Good(plan, buffers, stream, error);
}
// A process of its own session, which holds what the worker has open, and a worker that ends.
std::int32_t CrashBesideAChild(void*, const assay_buffers*, void*, assay_message*) {
  if (::fork() == 0) {
    ::setsid();
    ::sleep(20);
    std::_Exit(0);
  }
  std::abort();
}
std::int32_t LeaveAChild(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  static pid_t child = -1;
  if (child < 0) {
    child = ::fork();
    if (child == 0) {
      ::sleep(60);
      std::_Exit(0);
    }
    std::printf("child %d\n", static_cast<int>(child));
    std::fflush(stdout);
  }
  return Good(plan, buffers, stream, error);
}
std::int32_t LowerLimits(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  const rlimit files{3, 3};
  ::setrlimit(RLIMIT_NOFILE, &files);
  return Good(plan, buffers, stream, error);
}
std::int32_t TakeSignals(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  for (int signal : {SIGFPE, SIGUSR1}) std::signal(signal, SIG_IGN);
  return Good(plan, buffers, stream, error);
}
// Right where nobody has changed the process.
std::int32_t NeedsWhatThereWas(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  struct sigaction action {};
  ::sigaction(SIGFPE, nullptr, &action);
  if (files.rlim_cur <= 3 || action.sa_handler == SIG_IGN) return 1;
  return Good(plan, buffers, stream, error);
}
void CrashInRelease(void*) { std::abort(); }
std::int32_t CrashInTile(const assay_problem*, const assay_device_info*, assay_tile_axis*, std::int32_t) {
  std::abort();
}
std::int32_t CrashInCreate(const assay_problem*, const assay_device_info*, void**, assay_message*) {
  std::abort();
}

// What `tunable` offers: each takes the worker down in another way, but the first and the last.
constexpr const char* kConfigurations[] = {"good", "crash", "exit", "crash_in_create", "good_too"};
std::int32_t Configurations(const assay_problem*, const assay_device_info*, assay_configuration* list,
                            std::int32_t capacity) {
  std::int32_t count = 0;
  for (const char* text : kConfigurations) {
    if (count < capacity) std::strcpy(list[count].text, text);
    ++count;
  }
  return count;
}
std::int32_t CreateConfigured(const assay_problem* problem, const assay_device_info* device,
                              const char* configuration, void** plan, assay_message* error) {
  for (int i = 0; i < 5; ++i) {
    if (std::strcmp(configuration, kConfigurations[i]) != 0) continue;
    if (i == 3) std::abort();
    Create(problem, device, plan, error);
    static_cast<Problem*>(*plan)->configuration = i;
    return 0;
  }
  std::strcpy(error->text, "no such configuration");
  return 1;
}
std::int32_t AsConfigured(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  const int configuration = static_cast<Problem*>(plan)->configuration;
  if (configuration == 1) return Crash(plan, buffers, stream, error);
  if (configuration == 2) return ExitZero(plan, buffers, stream, error);
  return Good(plan, buffers, stream, error);
}

assay_variant Row(const char* name, decltype(assay_variant::launch) launch) {
  assay_variant row{};
  row.op = "dsconv";
  row.name = name;
  row.summary = "misbehaves";
  row.promise = &Promise;
  row.supports = &Supports;
  row.create = &Create;
  row.launch = launch;
  row.release = &Release;
  return row;
}

}  // namespace

extern "C" const assay_pack* assay_pack_entry(void) {
  static assay_variant rows[] = {Row("good", &Good),           Row("crash", &Crash),
                                 Row("abort", &Abort),         Row("hang", &Hang),
                                 Row("exit", &ExitZero),       Row("print", &Print),
                                 Row("forge", &Forge),         Row("close", &CloseAll),
                                 Row("killed", &KillParent),   Row("crash_in_create", &Good),
                                 Row("good_too", &Good),       Row("orphan", &CrashBesideAChild),
                                 Row("child", &LeaveAChild),   Row("limits", &LowerLimits),
                                 Row("signals", &TakeSignals), Row("unreleasable", &TakeSignals),
                                 Row("untiled", &Good),        Row("needs", &NeedsWhatThereWas),
                                 Row("tunable", &AsConfigured)};
  rows[18].configurations = &Configurations;
  rows[18].create_configured = &CreateConfigured;
  rows[15].release = &CrashInRelease;
  rows[16].tile = &CrashInTile;
  rows[9].create = &CrashInCreate;
  static const assay_pack pack{ASSAY_PACK_ABI,
                               "misbehaving",
                               nullptr,
                               ASSAY_BACKEND_HOST,
                               nullptr,
                               rows,
                               static_cast<std::int32_t>(sizeof rows / sizeof rows[0])};
  return &pack;
}
