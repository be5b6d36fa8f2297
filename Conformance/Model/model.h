// What the parts of the model program share: chance, output, and the table of what is open.
#ifndef MODEL_H
#define MODEL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { workers = 3, slots = 6, maps = 2, path_size = 4096 };

// A step's choices depend on the seed and its number alone, so that a step is the same whichever others are left out.
struct chance {
  uint64_t state;
};
struct chance chance_of(uint64_t seed, uint64_t purpose, uint64_t number);
uint64_t draw(struct chance *chance, uint64_t below);

// An open descriptor of a worker's. In memory that all workers share, so that each knows what the others hold.
struct slot {
  int fd;
  dev_t device;
  ino_t inode;
  bool is_writable;
  // Open for reading on what may be a lower file: it keeps the old contents when the file is copied up
  // (Conformance/differences.txt), so nothing may write to the file while this is open.
  bool may_be_lower;
};
struct mapping {
  void *address;
  size_t length;
  struct slot file;
};
struct worker {
  struct slot slots[slots];
  struct mapping maps[maps];
  pid_t pid;
};
struct state {
  struct worker workers[workers];
};

struct model {
  uint64_t seed;
  // The run has made the tree itself: nothing is lower.
  bool is_made;
  // The guest has more than one directory below a name: links of directories are not counted, as in overlayfs.
  bool is_merged;
  int channel[2];
  // The tree's top, with a few directories on the way to where the paths begin, so that `..` leads nowhere else.
  char top[path_size];
  char base[path_size];
  struct state *state;
};
extern struct model model;

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Bytes in printable form; the absolute path of the tree becomes TOP.
const char *quote(const void *bytes, size_t length);
const char *quote_path(const char *path);
const char *error_name(int number);
uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t length);
// A time that a step has set is told exactly, one of the clock's is "now".
const char *show_time(struct timespec time);

// A relative or absolute path for a step.
void make_path(struct chance *chance, char *path);
void fill_bytes(struct chance *chance, char *bytes, size_t length);

void prepare_tree(void);
void dump_tree(int step);
// Lists an open directory from its beginning, sorted.
void show_listing(int fd);
void show_attributes(const char *label, const struct stat *status);
int list_names(int fd, char ***names);
void free_names(char **names, int count);

void take_step(int number, int self);

// The groups of operations; each takes a step if `kind` is one of its own.
void descriptor_step(struct chance *chance, int self, int kind);
void name_step(struct chance *chance, int self, int kind);
void attribute_step(struct chance *chance, int self, int kind);
bool may_write(const struct stat *status);
void drop_slot(struct slot *slot);
struct slot *pick_slot(struct chance *chance, int self);
int pick_directory(struct chance *chance, int self, char *text);

#define RESULT(format, ...) \
  do { \
    int error_ = errno; \
    if (result < 0) say(format " = %s", __VA_ARGS__, error_name(error_)); \
    else say(format " = %ld", __VA_ARGS__, (long)result); \
  } while (0)

#endif
