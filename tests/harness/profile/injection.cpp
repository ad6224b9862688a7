// An NVTX tool: a shared object that a program's first NVTX call loads when NVTX_INJECTION64_PATH names it.
// It appends a line for each call of the domain functions that Assay makes to the file named by
// ASSAY_NVTX_LOG:
//   <pid> <thread>  domain|category|push|pop  <domain>  ...     (separated by tabs; read by nvtx_log.h)
#include <fcntl.h>
#include <nvtx3/nvToolsExt.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>

namespace {

std::mutex mutex;
int log_file = -1;
std::deque<std::string>
    domains;  // a deque keeps its elements where they are; a domain's handle is its name's address

// One write() a line, appending, so that lines of several processes do not mix.
void WriteLine(const std::string& text) {
  const std::string line =
      std::to_string(getpid()) + "\t" + std::to_string(syscall(SYS_gettid)) + "\t" + text + "\n";
  if (write(log_file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    std::perror("injection: cannot write the NVTX log");
    std::abort();
  }
}

const std::string& NameOf(nvtxDomainHandle_t domain) {
  static const std::string global = "(global)";
  return domain == nullptr ? global : *reinterpret_cast<const std::string*>(domain);
}

nvtxDomainHandle_t NVTX_API CreateDomain(const char* name) {
  const std::lock_guard lock(mutex);
  domains.emplace_back(name);
  WriteLine("domain\t" + domains.back());
  return reinterpret_cast<nvtxDomainHandle_t>(&domains.back());
}

void NVTX_API NameCategory(nvtxDomainHandle_t domain, std::uint32_t category, const char* name) {
  const std::lock_guard lock(mutex);
  WriteLine("category\t" + NameOf(domain) + "\t" + std::to_string(category) + "\t" + name);
}

int NVTX_API Push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t* event) {
  const std::lock_guard lock(mutex);
  const bool ascii = event->messageType == NVTX_MESSAGE_TYPE_ASCII;
  const bool number = event->payloadType == NVTX_PAYLOAD_TYPE_UNSIGNED_INT64;
  WriteLine("push\t" + NameOf(domain) + "\t" + (ascii ? event->message.ascii : "(no text)") + "\t" +
            (number ? std::to_string(event->payload.ullValue) : "(no number)") + "\t" +
            std::to_string(event->category) + "\t" + std::to_string(event->color));
  return 0;
}

int NVTX_API Pop(nvtxDomainHandle_t domain) {
  const std::lock_guard lock(mutex);
  WriteLine("pop\t" + NameOf(domain));
  return 0;
}

template <typename Function>
bool Install(NvtxFunctionTable table, unsigned int size, unsigned int id, Function function) {
  if (id >= size || table[id] == nullptr) return false;
  *table[id] = reinterpret_cast<NvtxFunctionPointer>(function);
  return true;
}

}  // namespace

// NVTX calls this once a process. 1: the tool is in place; 0: NVTX goes on without it.
extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(
    NvtxGetExportTableFunc_t get_table) {
  const char* path = std::getenv("ASSAY_NVTX_LOG");
  if (path == nullptr) return 0;
  log_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_file < 0) return 0;
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned int size = 0;
  if (callbacks == nullptr || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size))
    return 0;
  const bool installed = Install(table, size, NVTX_CBID_CORE2_DomainCreateA, &CreateDomain) &&
                         Install(table, size, NVTX_CBID_CORE2_DomainNameCategoryA, &NameCategory) &&
                         Install(table, size, NVTX_CBID_CORE2_DomainRangePushEx, &Push) &&
                         Install(table, size, NVTX_CBID_CORE2_DomainRangePop, &Pop);
  return installed ? 1 : 0;
}
