// options: --time advancing --seed 1 --instructions
// Where instructions that ask the processor are answered, the supervisor searches each file whose code is mapped, and writes over what it has
// found when the thread makes its next call. The file says that it has terabytes of code, or a million questions, or lies about where they are;
// between the two calls another mapping comes in the place of the first: a file of the source, sealed memory, memory that is shared. The
// search must end, and nothing that is not the guest's own may be changed.
#include "attack.h"
#include <elf.h>

enum { PAGE_SIZE = 4096, SEGMENTS = 512 };
static const unsigned char question[] = {0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3};
#define CODE ((char *)0x10000000)

// A file with so many segments of code, of this size at this offset, and an end of so many bytes of the pattern.
static int library(const char *name, int segments, unsigned long offset, unsigned long address, unsigned long size, const void *pattern, size_t length, size_t bytes) {
  int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0755);
  NEEDS(file >= 0);
  Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1}, .e_type = ET_DYN, .e_machine = EM_X86_64, .e_phoff = sizeof header,
                       .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (Elf64_Half)segments};
  NEEDS(write(file, &header, sizeof header) == sizeof header);
  Elf64_Phdr segment = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = offset, .p_vaddr = address, .p_filesz = size, .p_memsz = size};
  for (int i = 0; i < segments; i++) NEEDS(write(file, &segment, sizeof segment) == sizeof segment);
  char *code = malloc(bytes + length);
  for (size_t i = 0; i < bytes; i += length) memcpy(code + i, pattern, length);
  NEEDS(pwrite(file, code, bytes, 65536) == (ssize_t)bytes);
  free(code);
  return file;
}

static void map(int file, unsigned long length) {
  mmap(CODE, length, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, 65536);
}

static void *come_and_go(void *argument) {
  for (int i = 0; i < 2000; i++) {
    mmap(CODE, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, *(int *)argument, 0);
    mmap(CODE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  }
  return NULL;
}

int main(void) {
  int given = open("data/hello.txt", O_RDONLY);
  NEEDS(given >= 0);
  char canary[PAGE_SIZE] = "canary of memory", again[PAGE_SIZE];
  memcpy(canary + 64, question, sizeof question);
  int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
  NEEDS(write(sealed, canary, sizeof canary) == sizeof canary);
  NEEDS(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
  int good = library("good", 1, 65536, 65536, PAGE_SIZE / 2, question, sizeof question, 250);
  // What is searched: each begins again when the file has changed.
  const unsigned long sizes[] = {0, 1, 4095, 1UL << 20, 1UL << 29, 1UL << 40, ~0UL};
  double start = now();
  for (int i = 0; i < 7; i++)
    for (int j = i & 1; j < 7; j += 3) IN_CHILD {
      int file = library("lies", SEGMENTS, sizes[j] & ~4095UL, sizes[j], sizes[i], question, sizeof question, 1 << 20);
      if (ftruncate(file, 1L << 39)) {} // sparse
      map(file, ~0UL >> 1);
      map(file, PAGE_SIZE);
      access("/", F_OK);
      _exit(0);
    }
  static const unsigned char dense[] = {0x0f, 0x31}, room[] = {0x0f, 0x31, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xeb, 0xfb};
  for (int i = 0; i < 4; i++) IN_CHILD {
      int file = library("dense", 1, 65536, 65536, 1 << 20, i & 1 ? dense : room, i & 1 ? sizeof dense : sizeof room, 1 << 20);
      map(file, 1 << 20);
      access("/", F_OK);
      _exit(0);
    }
  if (now() - start > 60) escaped("searching takes %f s", now() - start);
  // Something else is there before the next call.
  for (int how = 0; how < 5; how++) IN_CHILD {
      map(good, PAGE_SIZE);
      if (how == 0) mmap(CODE, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, sealed, 0);
      if (how == 1) mmap(CODE, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, given, 0);
      if (how == 2) mmap(CODE, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, good, 65536);
      if (how == 3) munmap(CODE, PAGE_SIZE);
      if (how == 4 && ftruncate(good, 0)) {}
      access("/", F_OK);
      _exit(0);
    }
  for (double end = now() + patience(); now() < end;) IN_CHILD {
      pthread_t thread;
      int files[] = {sealed, good};
      pthread_create(&thread, NULL, come_and_go, &files[0]);
      for (int i = 0; i < 50; i++) {
        map(good, PAGE_SIZE);
        access("/", F_OK);
      }
      _exit(0);
    }
  NEEDS(pread(sealed, again, sizeof again, 0) == sizeof again);
  if (memcmp(canary, again, sizeof canary)) escaped("sealed memory was changed");
  NEEDS(pread(given, again, 13, 0) == 13);
  if (memcmp(again, "hello, world\n", 13)) escaped("the source's file was changed");
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  return verdict();
}
