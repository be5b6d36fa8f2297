// A directory that changes while it is read: nothing that stays is lost or seen twice.
// calls: getdents64 lseek unlinkat
#include "observe.h"

static char seen[256];

static int number_of(const char *name) { return name[0] == 'f' ? atoi(name + 1) : -1; }

static void tally(const char *what) {
  int once = 0, twice = 0;
  for (int i = 0; i < 256; i++) {
    once += seen[i] == 1;
    twice += seen[i] > 1;
  }
  say("%s: once %d, more often %d", what, once, twice);
  memset(seen, 0, sizeof seen);
}

static void delete_each(const char *path) {
  // What rm -r does: each entry goes as soon as it has been read.
  DIR *directory = opendir(path);
  int removed = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (number_of(entry->d_name) < 0) continue;
    seen[number_of(entry->d_name)]++;
    removed += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
  }
  say("removed %d", removed);
  rewinddir(directory);
  int left = 0;
  while (readdir(directory)) left++;
  say("left after rewinding %d", left);
  closedir(directory);
}

int main(void) {
  say("-- telldir and seekdir");
  DIR *directory = opendir("data/many");
  long places[300];
  char names[300][16];
  int n = 0;
  for (;;) {
    places[n] = telldir(directory);
    struct dirent *entry = readdir(directory);
    if (!entry) break;
    snprintf(names[n++], 16, "%.15s", entry->d_name);
  }
  say("entries %d", n);
  int wrong = 0;
  for (int i = n - 1; i >= 0; i -= 7) {
    seekdir(directory, places[i]);
    struct dirent *entry = readdir(directory);
    wrong += !entry || strcmp(entry->d_name, names[i]) != 0;
  }
  say("wrong after seekdir %d", wrong);
  seekdir(directory, places[n]);
  say("at the end %s", readdir(directory) ? "an entry" : "nothing");
  rewinddir(directory);
  say("first again %d", strcmp(readdir(directory)->d_name, names[0]) == 0);
  closedir(directory);

  say("-- seekdir after deletions");
  directory = opendir("data/many");
  for (int i = 0; i < 100; i++) readdir(directory);
  long middle = telldir(directory);
  int before = 0;
  while (readdir(directory)) before++;
  // Forty of those that were read, whatever the order and wherever the dots stand in it.
  for (int i = 0, removed = 0; removed < 40; i++) {
    if (names[i][0] == 'f' && unlinkat(dirfd(directory), names[i], 0) == 0) removed++;
  }
  seekdir(directory, middle);
  int after = 0;
  while (readdir(directory)) after++;
  say("entries after the middle: the same %d", before == after);
  closedir(directory);

  say("-- files that come while it is read");
  QUIET(mkdir("grow", 0755));
  for (int i = 0; i < 120; i++) {
    char name[32];
    snprintf(name, sizeof name, "grow/f%03d", i);
    close(QUIET(open(name, O_WRONLY | O_CREAT, 0644)));
  }
  directory = opendir("grow");
  for (int i = 0; i < 60; i++) {
    struct dirent *entry = readdir(directory);
    if (number_of(entry->d_name) >= 0) seen[number_of(entry->d_name)]++;
  }
  for (int i = 120; i < 140; i++) {
    char name[32];
    snprintf(name, sizeof name, "grow/f%03d", i);
    close(QUIET(open(name, O_WRONLY | O_CREAT, 0644)));
  }
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (number_of(entry->d_name) >= 0) seen[number_of(entry->d_name)]++;
  }
  // Whether the new ones are seen is unspecified, so they do not count.
  for (int i = 120; i < 140; i++) seen[i] = 0;
  tally("old files");
  closedir(directory);

  say("-- delete while reading");
  delete_each("grow");
  tally("seen");
  SHOW(rmdir("grow"));
  int remaining = 0;
  directory = opendir("data/many");
  while (readdir(directory)) remaining++;
  closedir(directory);
  say("in data/many %d", remaining);
  delete_each("data/many");
  tally("seen");
  SHOW(rmdir("data/many"));
  show_stat("data/many");

  say("-- a directory removed while open");
  QUIET(mkdir("gone", 0755));
  directory = opendir("gone");
  QUIET(rmdir("gone"));
  int left = 0;
  errno = 0;
  while (readdir(directory)) left++;
  say("entries %d, errno %s", left, errno ? error_name(errno) : "0");
  SHOW(openat(dirfd(directory), "x", O_CREAT | O_WRONLY, 0644));
  SHOW(faccessat(dirfd(directory), ".", F_OK, 0));
  SHOW(faccessat(dirfd(directory), "..", F_OK, 0));
  struct stat st;
  SHOW(fstat(dirfd(directory), &st));
  say("links %ld", (long)st.st_nlink);
  closedir(directory);
}
