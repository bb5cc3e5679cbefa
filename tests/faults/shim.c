/* Counts what changes the disk below a folder; kills, or fails, at a number.

   Preloaded (LD_PRELOAD), it stands before the C library's functions, so it
   sees C++ as well as Python. `faults_arm` begins to count:

     folder    operations on paths below it are counted, from 1
     kill_at   SIGKILL at that operation, which is half done if it writes
     full_at   from that operation on the disk is full: what needs room fails
     log       file that is told of each operation; empty for none
     copies    folder that a copy of `folder` is put into at each operation,
               named by its number: what a kill there would leave; empty for
               none

   A log has a line for each operation: its name and paths between tabs. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONGEST (2 * PATH_MAX)

enum verdict { GO_ON, KILL, FULL, COPY };

static char folder[LONGEST], copies[LONGEST];
static __thread long copied;
static size_t folder_length;
static atomic_long counted;
static long kill_at, full_at;
static int log_file = -1;
static atomic_int armed;

/* The function of that name behind this one. */
#define NEXT(name) ((__typeof__(&name))next(#name))

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

void faults_arm(const char *below, long kill, long full, const char *log,
                const char *into) {
  snprintf(copies, sizeof copies, "%s", into);
  snprintf(folder, sizeof folder, "%s", below);
  folder_length = strlen(folder);
  kill_at = kill;
  full_at = full;
  atomic_store(&counted, 0);
  if (log[0])
    log_file = NEXT(open)(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  atomic_store(&armed, folder_length > 0);
}

long faults_counted(void) { return atomic_load(&counted); }

static void of_file(int file, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, LONGEST - 1);
  path[length < 0 ? 0 : length] = 0;
}

static void whole(int base, const char *name, char *path) {
  path[0] = 0;
  if (name[0] != '/') {
    if (base == AT_FDCWD) {
      if (!getcwd(path, PATH_MAX)) path[0] = 0;
    } else {
      of_file(base, path);
    }
    strncat(path, "/", LONGEST - 1 - strlen(path));
  }
  strncat(path, name, LONGEST - 1 - strlen(path));
}

static int is_below(const char *path) {
  return !strncmp(path, folder, folder_length) &&
         (path[folder_length] == '/' || !path[folder_length]);
}

/* Counts an operation on one path or two, and says what is to happen. */
static enum verdict counts(const char *name, int needs_room, const char *path,
                           const char *other) {
  if (!is_below(path) && !(other && is_below(other))) return GO_ON;
  long number = atomic_fetch_add(&counted, 1) + 1;
  if (log_file >= 0) {
    char line[3 * LONGEST];
    int length = snprintf(line, sizeof line, "%s\t%s%s%s\n", name, path,
                          other ? "\t" : "", other ? other : "");
    if (NEXT(write)(log_file, line, length) != length) abort();
  }
  if (number == kill_at) return KILL;
  if (copies[0]) {
    copied = number;
    return COPY;
  }
  return full_at && number >= full_at && needs_room ? FULL : GO_ON;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Copies the folder as it is before the operation, or within its writing. */
static void copy(void) {
  char to[LONGEST + 32];
  char *command[] = {"cp", "-a", folder, to, NULL};
  extern char **environ;
  pid_t child;
  int status;
  snprintf(to, sizeof to, "%s/%ld", copies, copied);
  if (posix_spawnp(&child, "cp", NULL, NULL, command, environ)) abort();
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
}

/* Answers for operations that happen or do not. */
#define ANSWER(given, failed) \
  do {                          \
    enum verdict answer_ = (given); \
    if (answer_ == KILL) die(); \
    if (answer_ == COPY) copy(); \
    if (answer_ == FULL) {      \
      errno = ENOSPC;           \
      return failed;            \
    }                           \
  } while (0)

static enum verdict at(const char *name, int needs_room, int base,
                       const char *path) {
  char full[LONGEST];
  if (!atomic_load(&armed)) return GO_ON;
  whole(base, path, full);
  return counts(name, needs_room, full, NULL);
}

static enum verdict on(const char *name, int needs_room, int file) {
  char full[LONGEST];
  if (!atomic_load(&armed)) return GO_ON;
  of_file(file, full);
  return counts(name, needs_room, full, NULL);
}

static enum verdict both(const char *name, int needs_room, int base,
                         const char *path, int other_base, const char *other) {
  char one[LONGEST], two[LONGEST];
  if (!atomic_load(&armed)) return GO_ON;
  whole(base, path, one);
  whole(other_base, other, two);
  return counts(name, needs_room, one, two);
}

/* --- Opening ------------------------------------------------------------- */

static int makes(int flags) { return flags & (O_CREAT | O_TRUNC); }

#define OPEN(name)                                                \
  int name(const char *path, int flags, ...) {                    \
    va_list rest;                                                 \
    va_start(rest, flags);                                        \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;     \
    va_end(rest);                                                 \
    if (makes(flags)) ANSWER(at("open", 1, AT_FDCWD, path), -1);  \
    return NEXT(name)(path, flags, mode);                         \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                              \
  int name(int base, const char *path, int flags, ...) {          \
    va_list rest;                                                 \
    va_start(rest, flags);                                        \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;     \
    va_end(rest);                                                 \
    if (makes(flags)) ANSWER(at("open", 1, base, path), -1);      \
    return NEXT(name)(base, path, flags, mode);                   \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                      \
  FILE *name(const char *path, const char *mode) {                       \
    if (mode[0] != 'r') ANSWER(at("open", 1, AT_FDCWD, path), NULL);     \
    return NEXT(name)(path, mode);                                       \
  }
FOPEN(fopen)
FOPEN(fopen64)

/* --- Writing: at a kill or a copy, half of it is on the disk -------------- */

static int is_halved(enum verdict verdict) {
  return verdict == KILL || verdict == COPY;
}

static ssize_t sum(ssize_t done, ssize_t rest) {
  return rest < 0 ? rest : done + rest;
}

ssize_t write(int file, const void *bytes, size_t size) {
  enum verdict verdict = on("write", 1, file);
  ssize_t done = 0;
  if (is_halved(verdict)) done = NEXT(write)(file, bytes, size / 2);
  ANSWER(verdict, -1);
  if (done < 0) done = 0;
  return sum(done,
             NEXT(write)(file, (const char *)bytes + done, size - done));
}

#define PWRITE(name, offset_type)                                            \
  ssize_t name(int file, const void *bytes, size_t size, offset_type at) {   \
    enum verdict verdict = on("write", 1, file);                             \
    ssize_t done = 0;                                                        \
    if (is_halved(verdict)) done = NEXT(name)(file, bytes, size / 2, at);    \
    ANSWER(verdict, -1);                                                     \
    if (done < 0) done = 0;                                                  \
    return sum(done, NEXT(name)(file, (const char *)bytes + done,            \
                                size - done, at + done));                    \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
  enum verdict verdict = on("write", 1, fileno(stream));
  size_t done = 0, all = size * count;
  if (is_halved(verdict)) {
    done = NEXT(fwrite)(bytes, 1, all / 2, stream);
    NEXT(fflush)(stream);
  }
  ANSWER(verdict, 0);
  if (!done) return NEXT(fwrite)(bytes, size, count, stream);
  done += NEXT(fwrite)((const char *)bytes + done, 1, all - done, stream);
  return done / size;
}

int fflush(FILE *stream) {
  if (stream) ANSWER(on("flush", 1, fileno(stream)), EOF);
  return NEXT(fflush)(stream);
}

int fclose(FILE *stream) {
  int file = fileno(stream);
  int flags = file < 0 ? O_RDONLY : fcntl(file, F_GETFL);
  enum verdict verdict = GO_ON;
  if ((flags & O_ACCMODE) != O_RDONLY) verdict = on("close", 1, file);
  if (verdict == KILL) die();
  int closed = NEXT(fclose)(stream);
  ANSWER(verdict, EOF);
  return closed;
}

#define SENDFILE(name, offset_type)                                     \
  ssize_t name(int to, int from, offset_type *offset, size_t size) {    \
    ANSWER(on("write", 1, to), -1);                                     \
    return NEXT(name)(to, from, offset, size);                          \
  }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

#define FTRUNCATE(name, offset_type)             \
  int name(int file, offset_type size) {         \
    ANSWER(on("truncate", 0, file), -1);         \
    return NEXT(name)(file, size);               \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define TRUNCATE(name, offset_type)                      \
  int name(const char *path, offset_type size) {         \
    ANSWER(at("truncate", 0, AT_FDCWD, path), -1);       \
    return NEXT(name)(path, size);                       \
  }
TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)

int fsync(int file) {
  ANSWER(on("sync", 1, file), -1);
  return NEXT(fsync)(file);
}

int fdatasync(int file) {
  ANSWER(on("sync", 1, file), -1);
  return NEXT(fdatasync)(file);
}

/* --- Names ---------------------------------------------------------------- */

int rename(const char *from, const char *to) {
  ANSWER(both("rename", 0, AT_FDCWD, from, AT_FDCWD, to), -1);
  return NEXT(rename)(from, to);
}

int renameat(int from_base, const char *from, int to_base, const char *to) {
  ANSWER(both("rename", 0, from_base, from, to_base, to), -1);
  return NEXT(renameat)(from_base, from, to_base, to);
}

int link(const char *from, const char *to) {
  ANSWER(both("link", 1, AT_FDCWD, from, AT_FDCWD, to), -1);
  return NEXT(link)(from, to);
}

int symlink(const char *target, const char *path) {
  ANSWER(at("symlink", 1, AT_FDCWD, path), -1);
  return NEXT(symlink)(target, path);
}

int unlink(const char *path) {
  ANSWER(at("unlink", 0, AT_FDCWD, path), -1);
  return NEXT(unlink)(path);
}

int unlinkat(int base, const char *path, int flags) {
  const char *name = flags & AT_REMOVEDIR ? "rmdir" : "unlink";
  ANSWER(at(name, 0, base, path), -1);
  return NEXT(unlinkat)(base, path, flags);
}

int remove(const char *path) {
  ANSWER(at("unlink", 0, AT_FDCWD, path), -1);
  return NEXT(remove)(path);
}

int mkdir(const char *path, mode_t mode) {
  ANSWER(at("mkdir", 1, AT_FDCWD, path), -1);
  return NEXT(mkdir)(path, mode);
}

int mkdirat(int base, const char *path, mode_t mode) {
  ANSWER(at("mkdir", 1, base, path), -1);
  return NEXT(mkdirat)(base, path, mode);
}

int rmdir(const char *path) {
  ANSWER(at("rmdir", 0, AT_FDCWD, path), -1);
  return NEXT(rmdir)(path);
}
