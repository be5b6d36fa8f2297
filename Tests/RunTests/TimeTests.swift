import Foundation
import Testing

/// `uwrx run --time`: the guest's clocks tell what its processes have done, and not when.
@Suite("A run with a virtual clock", .serialized)
struct TimeTests {
  private static func run(
    _ script: String, time: String = "advancing", _ options: [String] = [], in directory: String
  ) throws -> String {
    let outcome = try CommandLine.run(
      ["run", "--quiet", "--trace=off", "--time", time] + options + ["--system", "--", "sh", "-c", script],
      in: directory)
    #expect(outcome.status == 0, "\(script): \(outcome.error)")
    return outcome.output
  }

  /// Each way to ask.
  @Test(
    "tells the same",
    arguments: [
      "date +%s.%N; date +%s.%N", "date > a; sleep 0.01; date > b; [ b -nt a ] && ls -l --full-time a b && cat a b",
      "perl -MTime::HiRes=clock_gettime -e 'print join q( ), time, times, map { clock_gettime($_) } 0..7'",
      "python3 -c 'import time, os; print(time.time_ns(), time.monotonic_ns(), time.process_time_ns(), os.times())'",
      "python3 -c 'import resource; print([resource.getrusage(who) for who in (0, -1, 1)])'",
      "cat /proc/uptime; cut -d ' ' -f 14-17,22 /proc/self/stat; grep btime /proc/stat; uptime -s",
      "stat /proc/self /dev/null / . /usr/bin/env | grep -E '^(Access: 2|Modify|Change|Birth)'",
      "(sleep 0.02; date +%N) > a & (sleep 0.03; date +%N) > b; wait; date +%N; cat a b",
      "bash -c 'TIMEFORMAT=%R; time sleep 0.1' 2>&1",
      "touch f; tar --format=posix -cf - f | sha256sum", "echo | gzip | sha256sum", "mktemp -u",
      "mkdir d; cd d; touch x; mkdir y; stat -c '%x %y %z' . x y",
    ])
  func same(_ script: String) throws {
    try CommandLine.withDirectory { directory in
      let first = try Self.run(script, ["--seed", "1"], in: directory)
      #expect(!first.isEmpty)
      for _ in 0..<3 { #expect(try Self.run(script, ["--seed", "1"], in: directory) == first) }
    }
  }

  @Test("shows of a process with threads what does not depend on how they race")
  func threads() throws {
    try CommandLine.withDirectory { directory in
      let program = """
        import os, random, subprocess, threading, time
        def work():
          for _ in range(random.SystemRandom().randrange(3000)): time.time()
          time.sleep(0.1 * random.SystemRandom().randrange(4))
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads: thread.start()
        open("made", "w").close()
        subprocess.run(["date", "+%s.%N"])
        for thread in threads: thread.join()
        time.sleep(0.2)
        start = time.time()
        subprocess.run(["sleep", "0.1"])
        print(0.1 <= time.time() - start < 0.15)
        """
      try program.write(toFile: directory + "/threads.py", atomically: true, encoding: .utf8)
      let script = "python3 threads.py; date +%s.%N; stat -c %y made"
      let first = try Self.run(script, in: directory)
      #expect(first.contains("True\n"))
      for _ in 0..<4 { #expect(try Self.run(script, in: directory) == first) }
    }
  }

  @Test(
    "lets a shell wait by its clock while something is in the background",
    arguments: [
      "end=$(($(date +%s) + 2)); while [ $(date +%s) -lt $end ]; do sleep 0.2; done",
      "SECONDS=0; while [ $SECONDS -lt 2 ]; do sleep 0.5; done",
    ], ["advancing", "frozen"])
  func background(_ loop: String, _ time: String) throws {
    try CommandLine.withDirectory { directory in
      try "sleep 300 & \(loop); kill $!; echo over".write(
        toFile: directory + "/wait.sh", atomically: true, encoding: .utf8)
      let output = try Self.run("bash wait.sh", time: time, ["--timeout", "120"], in: directory)
      #expect(output == "over\n")
    }
  }

  @Test("has nothing given that is of the future", arguments: [0, 1, 1_000_000_000])
  func given(_ epoch: Int) throws {
    try CommandLine.withDirectory { directory in
      try "all: o\no: i\n\tcp i o\n".write(toFile: directory + "/Makefile", atomically: true, encoding: .utf8)
      try "1".write(toFile: directory + "/i", atomically: true, encoding: .utf8)
      let output = try Self.run("make; make", ["--epoch", "\(epoch)"], in: directory)
      #expect(output == "cp i o\nmake: Nothing to be done for 'all'.\n")
    }
  }

  @Test("begins at the epoch, wherever that comes from")
  func epochs() throws {
    try CommandLine.withDirectory { directory in
      #expect(try Self.run("date -u +%F", in: directory) == "2020-01-01\n")
      #expect(try Self.run("date +%s", ["--epoch", "1000000000"], in: directory) == "1000000000\n")
      let old = try Self.run(
        "touch new; [ new -nt /usr/bin/env ] && date -r /usr/bin/env +%s",
        ["--epoch", "1000000000", "--times", "squashed"], in: directory)
      #expect(Int(old.dropLast()).map { $0 < 1_000_000_000 } ?? false, "\(old)")
      let outcome = try CommandLine.run(
        ["run", "--quiet", "--time", "frozen", "--system", "--", "date", "+%s.%N"], in: directory,
        environment: ["SOURCE_DATE_EPOCH": "999999999"])
      #expect(outcome.output == "999999999.000000000\n")
    }
  }

  @Test(
    "says what is wrong with a time",
    arguments: [
      ["--time", "slow"], ["--time", "advancing:0"], ["--epoch", "99999999999"], ["--epoch", "-1"],
      ["--time", "real", "--epoch", "5"],
    ])
  func refusals(_ options: [String]) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.run(["run"] + options + ["--system", "--", "true"], in: directory)
      #expect(outcome.status == 64 || outcome.status == 125)
      #expect(outcome.error.contains("--time") || outcome.error.contains("--epoch"), "\(outcome.error)")
    }
  }

  @Test("waits as long as ever, and its clocks say so")
  func waits() throws {
    try CommandLine.withDirectory { directory in
      let program = """
        import asyncio, os, queue, select, signal, subprocess, sys, threading, time
        def measure(name, wait, least=0.2, most=0.9):
          start, host = time.monotonic(), None
          result = wait()
          passed = time.monotonic() - start
          print(name, result, "right" if least <= passed <= most else passed)
        lock, condition, items = threading.Lock(), threading.Condition(), queue.Queue()
        lock.acquire()
        def in_condition():
          with condition: return condition.wait(0.2)
        def no_item():
          try: return items.get(timeout=0.2)
          except queue.Empty: return "empty"
        def alarm():
          got = []
          signal.signal(signal.SIGALRM, lambda *_: got.append(1))
          signal.setitimer(signal.ITIMER_REAL, 0.2)
          signal.pause()
          return got
        def expires():
          try: subprocess.run(["sleep", "9"], timeout=0.2)
          except subprocess.TimeoutExpired: return "expired"
        reader, writer = os.pipe()
        poll, epoll = select.poll(), select.epoll()
        poll.register(reader); epoll.register(reader, 1)
        measure("sleep", lambda: time.sleep(0.2))
        measure("lock", lambda: lock.acquire(timeout=0.2))
        measure("condition", in_condition)
        measure("queue", no_item)
        threading.Timer(0.2, lambda: items.put("item")).start()
        measure("item", lambda: items.get(timeout=60))
        measure("select", lambda: select.select([reader], [], [], 0.2))
        measure("poll", lambda: poll.poll(200))
        measure("epoll", lambda: epoll.poll(0.2))
        measure("alarm", alarm)
        measure("child", lambda: subprocess.run(["sleep", "0.2"]).returncode)
        measure("expires", expires)
        measure("timeout", lambda: subprocess.run(["timeout", "0.2", "sleep", "9"]).returncode)
        measure("signal", lambda: signal.sigtimedwait([signal.SIGUSR1], 0.2))
        measure("asyncio", lambda: asyncio.run(asyncio.sleep(0.2)))
        os.write(writer, b"x")
        measure("ready", lambda: len(poll.poll(60000)), 0, 0.1)
        """
      try program.write(toFile: directory + "/waits.py", atomically: true, encoding: .utf8)
      let start = Date()
      let output = try Self.run("python3 waits.py", in: directory)
      #expect(Date().timeIntervalSince(start) > 2.5)
      let lines = output.split(separator: "\n")
      #expect(lines.count == 15)
      for line in lines { #expect(line.hasSuffix("right"), "\(line)") }
      #expect(output.contains("item item") && output.contains("timeout 124") && output.contains("ready 1"))
    }
  }

  /// timerfd_settime(2), clock_nanosleep(2) and futex(2) with times of the clock, which the kernel's has passed long ago.
  @Test("waits for a time of its own clocks")
  func deadlines() throws {
    try CommandLine.withDirectory { directory in
      let program = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <pthread.h>
        #include <signal.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <sys/timerfd.h>
        #include <time.h>
        #include <unistd.h>
        static struct timespec later(clockid_t clock, long milliseconds) {
          struct timespec t;
          clock_gettime(clock, &t);
          t.tv_nsec += milliseconds * 1000000;
          t.tv_sec += t.tv_nsec / 1000000000, t.tv_nsec %= 1000000000;
          return t;
        }
        static double since(struct timespec start) {
          struct timespec t;
          clock_gettime(CLOCK_MONOTONIC, &t);
          return t.tv_sec - start.tv_sec + (t.tv_nsec - start.tv_nsec) / 1e9;
        }
        static void handle(int signal) { (void)signal; }
        static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
        static void *wake(void *unused) {
          usleep(100000);
          pthread_mutex_lock(&mutex);
          pthread_cond_signal(&condition);
          pthread_mutex_unlock(&mutex);
          return unused;
        }
        int main(void) {
          clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
          for (int i = 0; i < 2; i++) {
            struct timespec start = later(CLOCK_MONOTONIC, 0), end = later(clocks[i], 300);
            int result = clock_nanosleep(clocks[i], TIMER_ABSTIME, &end, 0);
            double passed = since(start);
            printf("sleep %d %d\\n", result, passed >= 0.299 && passed < 0.4);
            start = later(CLOCK_MONOTONIC, 0);
            int timer = timerfd_create(clocks[i], 0);
            struct itimerspec value = {{0, 0}, later(clocks[i], 300)};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &value, 0);
            uint64_t count = 0;
            result = read(timer, &count, 8);
            passed = since(start);
            printf("timer %d %d %d\\n", result, (int)count, passed >= 0.299 && passed < 0.4);
            pthread_condattr_t attributes;
            pthread_condattr_init(&attributes);
            pthread_condattr_setclock(&attributes, clocks[i]);
            pthread_cond_t own;
            pthread_cond_init(&own, &attributes);
            pthread_mutex_lock(&mutex);
            start = later(CLOCK_MONOTONIC, 0), end = later(clocks[i], 300);
            result = pthread_cond_timedwait(&own, &mutex, &end);
            passed = since(start);
            printf("condition %d %d\\n", result == ETIMEDOUT, passed >= 0.299 && passed < 0.4);
            pthread_t thread;
            pthread_create(&thread, 0, wake, 0);
            end = later(CLOCK_REALTIME, 60000);
            result = pthread_cond_timedwait(&condition, &mutex, &end);
            pthread_mutex_unlock(&mutex);
            pthread_join(thread, 0);
            printf("woken %d\\n", result);
          }
          struct sigaction action = {.sa_handler = handle};
          sigaction(SIGALRM, &action, 0);
          alarm(1);
          struct timespec end = later(CLOCK_MONOTONIC, 60000);
          printf("signal %d\\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, 0) == EINTR);
        }
        """
      try program.write(toFile: directory + "/wait.c", atomically: true, encoding: .utf8)
      let native = try CommandLine.shell("gcc -O -o wait wait.c -lpthread && ./wait", in: directory)
      #expect(native.status == 0, "\(native.error)")
      #expect(try Self.run("./wait", in: directory) == native.output)
    }
  }

  @Test("lets make build what must be built, and no more", arguments: ["-j1", "-j8"])
  func make(_ jobs: String) throws {
    try CommandLine.withDirectory { directory in
      let makefile = """
        objects = $(patsubst %.c,o/%.o,$(wildcard *.c))
        all: program
        program: $(objects)
        \tgcc -o $@ $^
        o/%.o: %.c common.h
        \tmkdir -p o; gcc -c -o $@ $<
        """
      try makefile.write(toFile: directory + "/Makefile", atomically: true, encoding: .utf8)
      try "".write(toFile: directory + "/common.h", atomically: true, encoding: .utf8)
      for number in 1...9 {
        let text = number == 1 ? "int main(void) { return 0; }\n" : "int f\(number)(void) { return \(number); }\n"
        try text.write(toFile: directory + "/f\(number).c", atomically: true, encoding: .utf8)
      }
      // Which of the recipes makes the directory is a race, which shows in some ticks of the clocks.
      let isRace = jobs != "-j1"
      let script = """
        make -s \(jobs); make -q \(jobs) && echo once; touch f3.c; make \(jobs) | grep -c gcc; make -q && echo again
        touch common.h; make \(jobs) | grep -c gcc; make -q && echo all; stat -c '%n %\(isRace ? "Y" : "y")' o/*.o program
        """
      let first = try Self.run(script, ["--seed", "1"], in: directory)
      #expect(first.hasPrefix("once\n2\nagain\n10\nall\n"), "\(first)")
      #expect(try Self.run(script, ["--seed", "1"], in: directory) == first)
    }
  }

  @Test("keeps the guest's times of what the run has made")
  func kept() throws {
    try CommandLine.withDirectory { directory in
      _ = try Self.run(
        "date > made; mkdir new; date > new/inner; touch -d 2001-02-03 old; ln -s made link", in: directory)
      let find = "cd build/*/*/files && find . -mindepth 1 -newermt 2020-01-02; find . -name old -newermt 2001-02-04"
      let newer = try CommandLine.shell(find, in: directory)
      // Directories above the project, of which nothing is known but that they were there.
      let ofProject = newer.output.split(separator: "\n").filter { $0.contains(directory.dropFirst()) }
      #expect(ofProject.isEmpty, "\(newer.output)")
    }
  }
}
