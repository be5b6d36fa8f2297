// Choices, output and bytes.
#include "model.h"
#include <stdarg.h>

struct chance chance_of(uint64_t seed, uint64_t purpose, uint64_t number) {
  struct chance chance = {seed * 0x9e3779b97f4a7c15 + purpose * 0xd1342543de82ef95 + number * 0xaf251af3b0f025b5};
  draw(&chance, 2);
  return chance;
}

// splitmix64
uint64_t draw(struct chance *chance, uint64_t below) {
  uint64_t x = chance->state += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return (x ^ (x >> 31)) % below;
}

void fill_bytes(struct chance *chance, char *bytes, size_t length) {
  uint64_t value = draw(chance, UINT64_MAX);
  for (size_t i = 0; i < length; i++) bytes[i] = value >> (i % 8 * 8) ^ i / 64;
}

// CRC-32, as zlib has it: the checker of the run's layer is not written in C.
uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t length) {
  static uint32_t table[256];
  if (!table[1])
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
      table[i] = value;
    }
  const unsigned char *from = bytes;
  hash = ~hash;
  for (size_t i = 0; i < length; i++) hash = table[(hash ^ from[i]) & 255] ^ hash >> 8;
  return ~hash;
}

void say(const char *format, ...) {
  static char line[1 << 16];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  for (int done = 0; done < length;) {
    ssize_t written = write(STDOUT_FILENO, line + done, length - done);
    if (written < 0 && errno != EINTR) _exit(3);
    if (written > 0) done += written;
  }
}

const char *error_name(int number) {
  const char *name = strerrorname_np(number);
  return name ? name : "E?";
}

const char *quote(const void *bytes, size_t length) {
  static char buffers[4][3 * path_size];
  static int turn;
  char *buffer = buffers[turn++ % 4], *to = buffer;
  const char *from = bytes, *end = from + length;
  size_t top = strlen(model.top);
  if (top > 1 && length >= top && !memcmp(from, model.top, top)) {
    to = stpcpy(to, "TOP");
    from += top;
  }
  // A name of hundreds of equal letters is as well told by their number.
  while (from < end && to < buffer + sizeof buffers[0] - 32) {
    const char *run = from;
    while (run < end && *run == *from) run++;
    if (run - from > 20) {
      to += sprintf(to, "{%c*%d}", *from, (int)(run - from));
      from = run;
    } else if (*from > 32 && *from < 127 && *from != '\\') {
      *to++ = *from++;
    } else {
      to += sprintf(to, "\\x%02x", (unsigned char)*from++);
    }
  }
  *to = 0;
  return buffer;
}

const char *quote_path(const char *path) { return quote(path, strlen(path)); }

const char *show_time(struct timespec time) {
  static char buffers[4][40];
  static int turn;
  char *buffer = buffers[turn++ % 4];
  if (time.tv_sec > 1700000000) return "now";
  sprintf(buffer, "%lld.%09ld", (long long)time.tv_sec, time.tv_nsec);
  return buffer;
}

// Few names, so that the steps meet.
static void append_name(struct chance *chance, char *path) {
  static const char *const odd[] = {"n\xff\xfe", "new\nline", "sp ace", ".hidden", "caf\xc3\xa9", "-", "a.b"};
  char *end = path + strlen(path);
  uint64_t kind = draw(chance, 40);
  if (kind < 32) sprintf(end, "%c", (int)('a' + draw(chance, 5)));
  else if (kind < 34) strcpy(end, odd[draw(chance, sizeof odd / sizeof odd[0])]);
  else if (kind < 36) strcpy(end, "..");
  else if (kind < 37) strcpy(end, ".");
  else if (kind < 38) memset(end, 'L', 255), end[255] = 0;
  else if (kind < 39 && draw(chance, 4) == 0) memset(end, 'M', 256), end[256] = 0;
  else sprintf(end, "%c", (int)('a' + draw(chance, 5)));
}

static void append_names(struct chance *chance, char *path) {
  int depth = 1 + draw(chance, 2) + (draw(chance, 3) == 0);
  for (int i = 0; i < depth; i++) {
    if (i) strcat(path, draw(chance, 30) ? "/" : "//");
    append_name(chance, path);
  }
}

void make_path(struct chance *chance, char *path) {
  path[0] = 0;
  if (draw(chance, 200) == 0) return;
  if (draw(chance, 12) == 0) sprintf(path, "%s/", model.base);
  // Most steps choose among a few paths of the seed's.
  if (draw(chance, 10) < 6) {
    struct chance favourite = chance_of(model.seed, 2, draw(chance, 16));
    append_names(&favourite, path);
  } else {
    append_names(chance, path);
  }
  if (draw(chance, 16) == 0) strcat(path, draw(chance, 3) ? "/" : "/.");
}
