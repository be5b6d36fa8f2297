// options: --time advancing --seed 1
// flags: -static -Wl,-e,before_all
// The supervisor writes into what the kernel maps for the time (vdso(7)) when a program makes its first call that is seen. Before that call the
// program has removed it, moved it, made it inaccessible, or put there what may not be written: a file of the source, a file that it may not
// change, memory that is shared with others, what is beyond a file's end; later threads take it away again and again while others become programs.
// It must be neither changed nor brought down what is not the guest's own.
#include "attack.h"
#include <elf.h>
#include <sys/auxv.h>

enum { GIVEN = 9, HOW_MANY = 14, SIZE = 8192 };

#if defined(__x86_64__)
__asm__(".globl before_all\nbefore_all:\n"
        "  mov %rsp, %rbx\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call fight\n  mov %rbx, %rsp\n  xor %edx, %edx\n  jmp _start\n");

static long call6(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "0"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

// No libc yet, and no call that is seen.
__attribute__((used, optimize("no-stack-protector"))) void fight(long *stack) {
  long count = stack[0];
  char **arguments = (char **)&stack[1], **end = arguments + count + 1;
  if (count < 2) return;
  while (*end) end++;
  long place = 0;
  for (long *entry = (long *)(end + 1); entry[0]; entry += 2)
    if (entry[0] == AT_SYSINFO_EHDR) place = entry[1];
  if (!place) return;
  int how = arguments[1][0] - 'a';
  if (how == 0) return;
  if (how == 1) { call6(SYS_munmap, place, SIZE, 0, 0, 0, 0); return; }
  if (how == 2) { call6(SYS_mprotect, place, SIZE, PROT_NONE, 0, 0, 0); return; }
  if (how == 3) { call6(SYS_mremap, place, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000000, 0); return; }
  if (how == 4) { call6(SYS_mmap, place, SIZE, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); return; }
  if (how == 5) { call6(SYS_mmap, place, SIZE, PROT_READ | PROT_EXEC, MAP_FIXED | MAP_PRIVATE, GIVEN, 0); return; }
  if (how == 6) { call6(SYS_mmap, place, SIZE, PROT_READ | PROT_EXEC, MAP_FIXED | MAP_SHARED, GIVEN, 0); return; }
  if (how == 7) { call6(SYS_mmap, place, SIZE, PROT_READ, MAP_FIXED | MAP_SHARED, GIVEN, 1 << 20); return; } // beyond the end
  if (how == 8) { call6(SYS_mmap, place, SIZE, PROT_READ, MAP_FIXED | MAP_SHARED, GIVEN + 1, 0); return; }   // sealed memory
  if (how == 9) { call6(SYS_mmap, place, SIZE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_SHARED, GIVEN + 2, 0); return; }
  if (how == 10) { call6(SYS_mmap, place, SIZE, PROT_READ, MAP_FIXED | MAP_PRIVATE, GIVEN + 3, 0); return; } // the program's own file
  if (how == 11) { // writes what it wants into it, and keeps a copy of what was there
    call6(SYS_mmap, 0x10000000, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4096; i++) ((char *)0x10000000)[i] = ((char *)place)[i];
    call6(SYS_mprotect, place, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, 0, 0, 0);
    for (int i = 0; i < 4096; i++) ((char *)place)[i] = (char)0xcc;
    return;
  }
  if (how == 12) { call6(SYS_madvise, place, SIZE, MADV_DONTNEED, 0, 0, 0); return; }
  if (how == 13) { call6(SYS_mmap, place & ~0xffffL, 65536, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0); return; }
}
#else
__asm__(".globl before_all\nbefore_all:\n  b _start\n");
#endif

static void *come_and_go(void *argument) {
  long place = (long)getauxval(AT_SYSINFO_EHDR);
  volatile bool *stop = argument;
  while (place && !*stop) {
    mprotect((void *)place, SIZE, PROT_NONE);
    mmap((void *)place, SIZE, PROT_READ, MAP_FIXED | MAP_SHARED, GIVEN, 0);
    mmap((void *)place, SIZE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap((void *)place, SIZE);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count > 1) {
    // Calls without what is mapped, as that may be anything by now.
    struct timespec time;
    for (int i = 0; i < 20; i++) syscall(SYS_clock_gettime, CLOCK_REALTIME, &time);
    if (time.tv_sec > 1700000000) escaped("the machine's time");
    close(open("data/hello.txt", O_RDONLY));
    _exit(0);
  }
  // 9 and following: a file of the source, sealed memory, shared memory, the program's own file.
  NEEDS(dup2(open("data/hello.txt", O_RDONLY), GIVEN) == GIVEN);
  int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
  char page[SIZE] = "canary of memory";
  NEEDS(write(sealed, page, SIZE) == SIZE && fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
  NEEDS(dup2(sealed, GIVEN + 1) == GIVEN + 1);
  int shared = memfd_create("shared", 0);
  NEEDS(write(shared, page, SIZE) == SIZE && dup2(shared, GIVEN + 2) == GIVEN + 2);
  NEEDS(dup2(open("/proc/self/exe", O_RDONLY), GIVEN + 3) == GIVEN + 3);
  char first[SIZE], again[SIZE];
  NEEDS(pread(GIVEN + 3, first, SIZE, 0) == SIZE);
  for (int round = 0; round < 8; round++)
    for (int how = 0; how < HOW_MANY; how++) IN_CHILD {
      char letter[2] = {(char)('a' + how), 0};
      execl("/proc/self/exe", arguments[0], letter, NULL);
    }
  NEEDS(pread(GIVEN + 1, again, SIZE, 0) == SIZE);
  if (memcmp(page, again, SIZE)) escaped("sealed memory was changed");
  NEEDS(pread(GIVEN + 3, again, SIZE, 0) == SIZE);
  if (memcmp(first, again, SIZE)) escaped("the program's file was changed");
  NEEDS(pread(GIVEN, again, 13, 0) == 13);
  if (memcmp(again, "hello, world\n", 13)) escaped("the source's file was changed");
  // Programs that begin while a neighbour in the same memory takes it away: threads of who becomes one, and children of vfork.
  for (double end = now() + patience(); now() < end;) IN_CHILD {
      static volatile bool stop;
      pthread_t threads[2];
      for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, come_and_go, (void *)&stop);
      for (int i = 0; i < 5; i++)
        if (!vfork()) {
          execl("/proc/self/exe", "vdso", (const char *[]){"a", "b", "d", "g", "l"}[i], NULL);
          _exit(1);
        }
      execl("/proc/self/exe", "vdso", "a", NULL);
    }
  // It goes on as ever.
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  return verdict();
}
