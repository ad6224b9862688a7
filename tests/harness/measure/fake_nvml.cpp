// A stand-in for libnvidia-ml.so.1 with one GPU at 0000:01:00.0, whose MIG mode cannot be read.
#include <cstring>

namespace {
int the_gpu = 0;
}

extern "C" {
int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
const char* nvmlErrorString(int code) {
  switch (code) {
    case 3:
      return "Not Supported";
    case 6:
      return "Not Found";
    default:
      return "Unknown Error";
  }
}
int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** device) {
  if (std::strcmp(id, "0000:01:00.0") != 0) return 6;
  *device = &the_gpu;
  return 0;
}
int nvmlDeviceGetClockInfo(void* device, int type, unsigned* mhz) {
  if (device != &the_gpu) return 2;
  *mhz = type == 1 ? 1755 : type == 2 ? 2619 : 1;
  return 0;
}
int nvmlDeviceGetMaxClockInfo(void*, int type, unsigned* mhz) {
  *mhz = type == 1 ? 1980 : type == 2 ? 2619 : 1;
  return 0;
}
// Known by its old name only, as in drivers before 535: SW power cap and GPU idle.
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  *reasons = 0x5;
  return 0;
}
int nvmlSystemGetDriverVersion(char* version, unsigned size) {
  std::strncpy(version, "525.60.13", size);
  return 0;
}
int nvmlDeviceGetPersistenceMode(void*, int* on) {
  *on = 1;
  return 0;
}
int nvmlDeviceGetEccMode(void*, int* on, int* pending) {
  *on = *pending = 0;
  return 0;
}
int nvmlDeviceGetMigMode(void*, unsigned*, unsigned*) { return 3; }
int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* milliwatts) {
  *milliwatts = 700'000;
  return 0;
}
int nvmlDeviceGetTemperature(void*, int, unsigned* celsius) {
  *celsius = 41;
  return 0;
}
}
