// Lets a library that is linked on a new system load on one with glibc 2.28 (RHEL 8 and its like).
//
// glibc 2.32 to 2.36 gave new versions to old functions, and the static C++ runtime refers to them. Here they are
// defined for this library alone, on top of versions as old as x86-64. Linux on x86-64 only; other systems have no such
// versions.
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#define LOCAL extern "C" __attribute__((visibility("hidden")))

// The same function under its old version: `old_NAME` is NAME@GLIBC_2.2.5.
#define OLD(name, result, ...)               \
  extern "C" result old_##name(__VA_ARGS__); \
  asm(".symver old_" #name "," #name "@GLIBC_2.2.5")

OLD(dlopen, void*, const char*, int);
OLD(dlsym, void*, void*, const char*);
OLD(dlclose, int, void*);
OLD(dlerror, char*);
OLD(dladdr, int, const void*, Dl_info*);
OLD(shm_open, int, const char*, int, mode_t);
OLD(shm_unlink, int, const char*);
OLD(pthread_once, int, pthread_once_t*, void (*)());
OLD(pthread_key_create, int, pthread_key_t*, void (*)(void*));
OLD(pthread_key_delete, int, pthread_key_t);
OLD(pthread_getspecific, void*, pthread_key_t);
OLD(pthread_setspecific, int, pthread_key_t, uintptr_t);
OLD(pthread_rwlock_rdlock, int, pthread_rwlock_t*);
OLD(pthread_rwlock_wrlock, int, pthread_rwlock_t*);
OLD(pthread_rwlock_unlock, int, pthread_rwlock_t*);

LOCAL void* dlopen(const char* path, int mode) noexcept { return old_dlopen(path, mode); }
LOCAL void* dlsym(void* library, const char* name) noexcept { return old_dlsym(library, name); }
LOCAL int dlclose(void* library) noexcept { return old_dlclose(library); }
LOCAL char* dlerror() noexcept { return old_dlerror(); }
LOCAL int dladdr(const void* address, Dl_info* info) noexcept { return old_dladdr(address, info); }
LOCAL int shm_open(const char* name, int flags, mode_t mode) { return old_shm_open(name, flags, mode); }
LOCAL int shm_unlink(const char* name) { return old_shm_unlink(name); }
LOCAL int pthread_once(pthread_once_t* once, void (*start)()) { return old_pthread_once(once, start); }
LOCAL int pthread_key_create(pthread_key_t* key, void (*end)(void*)) noexcept {
  return old_pthread_key_create(key, end);
}
LOCAL int __pthread_key_create(pthread_key_t* key, void (*end)(void*)) { return old_pthread_key_create(key, end); }
LOCAL int pthread_key_delete(pthread_key_t key) noexcept { return old_pthread_key_delete(key); }
LOCAL void* pthread_getspecific(pthread_key_t key) noexcept { return old_pthread_getspecific(key); }
LOCAL int pthread_setspecific(pthread_key_t key, const void* value) noexcept {
  return old_pthread_setspecific(key, reinterpret_cast<uintptr_t>(value));
}
LOCAL int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept { return old_pthread_rwlock_rdlock(lock); }
LOCAL int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept { return old_pthread_rwlock_wrlock(lock); }
LOCAL int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept { return old_pthread_rwlock_unlock(lock); }

// The kernel's struct stat is glibc's on x86-64.
LOCAL int stat(const char* path, struct stat* out) noexcept { return static_cast<int>(syscall(SYS_stat, path, out)); }
LOCAL int fstat(int file, struct stat* out) noexcept { return static_cast<int>(syscall(SYS_fstat, file, out)); }
LOCAL int fstat64(int file, struct stat64* out) noexcept { return static_cast<int>(syscall(SYS_fstat, file, out)); }
LOCAL int lstat(const char* path, struct stat* out) noexcept { return static_cast<int>(syscall(SYS_lstat, path, out)); }

// Always atomics: a host has threads.
LOCAL char __libc_single_threaded;
char __libc_single_threaded = 0;

LOCAL uint32_t arc4random() noexcept {
  uint32_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

namespace {

struct Search {
  uintptr_t address;
  dl_find_object* found;
  bool done;
};

int visit(dl_phdr_info* info, size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  const ElfW(Phdr)* holder = nullptr;
  const ElfW(Phdr)* frames = nullptr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) & header = info->dlpi_phdr[i];
    const uintptr_t start = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && search.address >= start && search.address - start < header.p_memsz)
      holder = &header;
    if (header.p_type == PT_GNU_EH_FRAME) frames = &header;
  }
  if (holder == nullptr) return 0;
  if (frames != nullptr) {
    search.found->dlfo_map_start = reinterpret_cast<void*>(info->dlpi_addr + holder->p_vaddr);
    search.found->dlfo_map_end = reinterpret_cast<void*>(info->dlpi_addr + holder->p_vaddr + holder->p_memsz);
    search.found->dlfo_eh_frame = reinterpret_cast<void*>(info->dlpi_addr + frames->p_vaddr);
    search.done = true;
  }
  return 1;
}

}  // namespace

// What the unwinder asks for: the frame table of the object that holds an address.
LOCAL int _dl_find_object(void* address, dl_find_object* found) noexcept {
  Search search{reinterpret_cast<uintptr_t>(address), found, false};
  *found = {};
  dl_iterate_phdr(visit, &search);
  return search.done ? 0 : -1;
}
