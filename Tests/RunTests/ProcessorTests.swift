#if arch(x86_64)
  import Foundation
  import MachineKit
  import Testing

  /// Instructions that ask the processor, in real programs.
  @Suite("Instructions in a run", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/gcc")))
  struct ProcessorTests {
    /// What the program prints first is what natively comes out of it, too; times and random numbers come after.
    private static let program = #"""
      #include <cpuid.h>
      #include <dlfcn.h>
      #include <fcntl.h>
      #include <pthread.h>
      #include <signal.h>
      #include <stdint.h>
      #include <stdio.h>
      #include <string.h>
      #include <sys/mman.h>
      #include <sys/time.h>
      #include <x86intrin.h>

      #define PROBE(name, instruction)                                                        \
        void name(uint64_t *);                                                                \
        asm(#name ": push %rbx; push %r12; push %r13; push %r14; push %r15; mov %rdi, %rbx\n" \
            "mov $1, %ecx; mov $2, %esi; mov $3, %edi; mov $4, %r8d; mov $5, %r9d\n"          \
            "mov $6, %r10d; mov $7, %r11d; mov $8, %r12d; mov $9, %r13d; mov $10, %r14d\n"    \
            "movq $11, -8(%rsp); movq $12, -128(%rsp); xor %r15d, %r15d; cmp $1, %r15d\n"     \
            instruction "\n.byte 0x90, 0x90, 0x90, 0x90\n"                                    \
            "setc (%rbx); sets 1(%rbx); setz 2(%rbx); seto 3(%rbx)\n"                         \
            "mov %rcx, 8(%rbx); mov %rsi, 16(%rbx); mov %rdi, 24(%rbx); mov %r8, 32(%rbx)\n"  \
            "mov %r9, 40(%rbx); mov %r10, 48(%rbx); mov %r11, 56(%rbx); mov %r12, 64(%rbx)\n" \
            "mov %r13, 72(%rbx); mov %r14, 80(%rbx); mov -8(%rsp), %rcx; mov %rcx, 88(%rbx)\n" \
            "mov -128(%rsp), %rcx; mov %rcx, 96(%rbx); mov %rax, 104(%rbx); mov %rdx, 112(%rbx)\n" \
            "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; ret\n")
      PROBE(probe_time, "rdtsc");
      PROBE(probe_random, "rdrand %r8");
      PROBE(probe_short, "rdrand %r9w");

      static void show(const char *name, void probe(uint64_t *), int hidden) {
        uint64_t seen[15] = {0};
        probe(seen);
        printf("%s flags %08lx", name, (unsigned long)(uint32_t)seen[0]);
        for (int i = 1; i < 13; i++) if (i != hidden) printf(" %lu", (unsigned long)seen[i]);
        if (hidden == 5) printf(" upper %lu", (unsigned long)(seen[5] >> 16));
        printf(" halves %d\n", hidden || (seen[13] >> 32 == 0 && seen[14] >> 32 == 0));
      }

      static volatile sig_atomic_t signals;
      static void count(int number) { (void)number; signals++; }
      static void *ask(void *last) {
        uint64_t back = 0, before = 0;
        for (int i = 0; i < 300; i++) {
          uint64_t now = __rdtsc();
          back += now < before;
          before = now;
        }
        *(uint64_t *)last = back;
        return NULL;
      }

      int main(void) {
        unsigned a, b, c = 0, d;
        __get_cpuid(1, &a, &b, &c, &d);
        show("time", probe_time, 0);
        if (c & bit_RDRND) show("random", probe_random, 4), show("short", probe_short, 5);
        struct sigaction action = {.sa_handler = count};
        sigaction(SIGALRM, &action, NULL);
        struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
        int file = open("./library.so", O_RDONLY), failed = 0;
        setitimer(ITIMER_REAL, &often, NULL);
        for (int i = 0; i < 2000; i++) {
          void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
          if (code == MAP_FAILED) failed++; else munmap(code, 4096);
        }
        printf("mmap failed %d times\n", failed);
        uint64_t back[3];
        pthread_t threads[2];
        for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, ask, &back[i]);
        ask(&back[2]);
        for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
        // A call that is answered may fail with EINTR: nothing after it is to.
        while (setitimer(ITIMER_REAL, &never, NULL)) continue;
        printf("back %lu %lu %lu\n", (unsigned long)back[0], (unsigned long)back[1], (unsigned long)back[2]);
        void *library = dlopen("./library.so", RTLD_NOW);
        uint64_t (*later)(void) = (uint64_t(*)(void))dlsym(library, "later");
        printf("library %d\n", later() + (1UL << 40) >= __rdtsc());
        printf("=\n%lu\n", (unsigned long)later());
        unsigned long long number = 0;
        if (c & bit_RDRND) while (!_rdrand64_step(&number)) continue;
        printf("%llu\n", number);
        return 0;
      }
      """#
    private static let library = """
      #include <stdint.h>
      #include <x86intrin.h>
      uint64_t later(void) { unsigned processor; return __rdtscp(&processor); }
      """

    private static func make(_ flags: String, in directory: String) throws {
      try program.write(toFile: directory + "/program.c", atomically: true, encoding: .utf8)
      try library.write(toFile: directory + "/library.c", atomically: true, encoding: .utf8)
      let outcome = try CommandLine.shell(
        "gcc -w -mrdrnd \(flags) program.c -o program -ldl -lpthread && gcc -O1 -shared -fPIC library.c -o library.so",
        in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
    }

    private static func run(_ options: String, in directory: String) throws -> (same: String, rest: String) {
      let outcome = try CommandLine.run(
        ["run", "--quiet", "--system"] + options.split(separator: " ").map(String.init) + ["--", "./program"],
        in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      return split(outcome.output)
    }

    private static func split(_ output: String) -> (same: String, rest: String) {
      let parts = output.components(separatedBy: "=\n")
      return (parts[0], parts.count > 1 ? parts[1] : "")
    }

    @Test(
      "leave all else as natively, and are answered",
      arguments: ["-O0", "-O2 -no-pie", "-O2 -pie", "-O3 -march=native"])
    func answered(_ flags: String) throws {
      try CommandLine.withDirectory { directory in
        try Self.make(flags, in: directory)
        let native = Self.split(try CommandLine.shell("./program", in: directory).output)
        #expect(native.same.contains("mmap failed 0 times\nback 0 0 0\nlibrary 1\n"))
        let options = "--time advancing --seed 3 --instructions"
        let first = try Self.run(options, in: directory)
        #expect(first.same == native.same)
        let lines = first.rest.split(separator: "\n").compactMap { UInt64($0) }
        // An hour after the machine was started.
        #expect(lines.count == 2 && lines[0] < 10_000_000_000_000)
        let plain = try Self.run("--time advancing --seed 3", in: directory)
        #expect(plain.same == native.same)
        if lines.count == 2, lines[1] != 0 {
          #expect(try Self.run(options, in: directory).rest.split(separator: "\n").last.map { UInt64($0) } == lines[1])
          #expect(plain.rest.split(separator: "\n").last.map { UInt64($0) } != lines[1])
        }
      }
    }

    @Test("are named where the processor answers them")
    func left() throws {
      try CommandLine.withDirectory { directory in
        let program = """
          #include <dlfcn.h>
          #include <pthread.h>
          #include <unistd.h>
          static void *wait_for_ever(void *argument) { pause(); return argument; }
          int main(void) {
            pthread_t thread;
            pthread_create(&thread, 0, wait_for_ever, 0);
            return !dlopen("./library.so", RTLD_NOW) || access("/", F_OK);
          }
          """
        try program.write(toFile: directory + "/program.c", atomically: true, encoding: .utf8)
        try Self.library.write(toFile: directory + "/library.c", atomically: true, encoding: .utf8)
        let made = try CommandLine.shell(
          "gcc -w program.c -o program -ldl -lpthread && gcc -O1 -shared -fPIC library.c -o library.so", in: directory)
        #expect(made.status == 0, "\(made.error)")
        _ = try Self.run("--time advancing --instructions", in: directory)
        let events = try CommandLine.run(["inspect", "events", "last", "--type", "unanswered"], in: directory).output
        #expect(events.split(separator: "\n").count == 1)
        #expect(events.contains("/library.so: mapped while there were other threads"), "\(events)")
      }
    }

    @Test("are named only with what answers them")
    func alone() throws {
      try CommandLine.withDirectory { directory in
        let outcome = try CommandLine.run(["run", "--system", "--instructions", "--", "true"], in: directory)
        #expect(outcome.status == 125 && outcome.error.contains("add --time or --seed"))
      }
    }
  }
#endif
