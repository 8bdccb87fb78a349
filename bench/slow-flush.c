/*
 * Preloaded into a server: fsync and fdatasync take BENCH_FLUSH_US microseconds longer, as on a slower disk, and are
 * counted in the first eight bytes of BENCH_FLUSH_FILE, by all processes that share it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t nowhere;
static _Atomic uint64_t *flushes = &nowhere;
static struct timespec delay;

__attribute__((constructor)) static void begin(void) {
  const char *us = getenv("BENCH_FLUSH_US");
  const char *file = getenv("BENCH_FLUSH_FILE");
  if (us != NULL) {
    long value = atol(us);
    delay = (struct timespec){value / 1000000, value % 1000000 * 1000};
  }
  int fd = file == NULL ? -1 : open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *shared = mmap(NULL, sizeof *flushes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared != MAP_FAILED) flushes = shared;
  close(fd);
}

static int flush(long call, int fd) {
  int result = (int)syscall(call, fd);
  int error = errno;
  ++*flushes;
  struct timespec left = delay;
  while ((left.tv_sec > 0 || left.tv_nsec > 0) && nanosleep(&left, &left) != 0 && errno == EINTR) continue;
  errno = error;
  return result;
}

int fsync(int fd) { return flush(SYS_fsync, fd); }

int fdatasync(int fd) { return flush(SYS_fdatasync, fd); }
