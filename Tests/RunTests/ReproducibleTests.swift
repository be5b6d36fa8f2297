import Foundation
import Testing

/// `uwrx run --reproducible`: what programs are told is the same from two directories in two surroundings.
@Suite("A reproducible run", .serialized)
struct ReproducibleTests {
  static let users = getuid() == 0 ? [0, 1000] : [Int(getuid())]

  /// Two projects with the same files, made in another order, by another user if there is one.
  private static let prepare = """
    make() { mkdir -p "$1/src"; git init -q "$1"; rm -rf "$1"/.git/hooks; shift; }
    make a; for f in one two three; do echo $f > a/$f; done; ln -s one a/link; echo x > a/src/f.c; echo y > a/src/g.c
    make "another place"; cd "another place"; echo y > src/g.c; echo x > src/f.c; ln -s one link
    for f in three two one; do echo $f > $f; done; touch -d 2001-01-01 one; cd ..; mkdir home
    """

  /// What a script prints in each of two projects.
  private static func outputs(
    _ script: String, _ options: String = "", user: Int = users[0], in directory: String
  ) throws -> [String] {
    try script.write(toFile: directory + "/script", atomically: true, encoding: .utf8)
    let isOther = user != Int(getuid())
    let become = isOther ? "setpriv --reuid \(user) --regid \(user) --clear-groups" : ""
    // Files that are not the user's, who is root then.
    let give = isOther ? "chown -R \(user):\(user) ." : getuid() == 0 ? "chown -R 1000:1000 'another place/src'" : ""
    let prepared = try CommandLine.shell(
      "\(prepare); cp '\(CommandLine.binary)' uwrx; \(give); chmod 755 .", in: directory)
    #expect(prepared.status == 0, "\(prepared.error)")
    let run =
      "\"$top/uwrx\" run --quiet --reproducible --system --build \"$top/build$1\" \(options) -- sh -c \"$(cat \"$top/script\")\""
    let surroundings = [
      "cd a/src; umask 077; export LANG=C TZ=Asia/Tokyo EDITOR=vi LONG=$(head -c 3000 /dev/zero | tr '\\0' x); set -- 1; ulimit -s 4096",
      "cd 'another place/src'; umask 002; export USER=other COLUMNS=33; set -- 2; ulimit -n 600; \(user == 0 ? "nice=nice" : ":")",
    ]
    return try surroundings.map { surroundings in
      let outcome = try CommandLine.shell(
        "export top=$PWD HOME=$PWD/home; \(surroundings); exec $nice \(become) \(run)", in: directory)
      #expect(outcome.status == 0, "\(script): \(outcome.error)")
      return outcome.output
    }
  }

  @Test("finds the command where the guest's PATH says")
  func command() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        mkdir mine; printf '#!/bin/sh\necho my date\n' > mine/date; chmod 755 mine/date
        for path in "$PWD/mine:$PATH" /usr/sbin; do
          PATH=$path '\(CommandLine.binary)' run --quiet --reproducible --system --source "$PWD/mine=$PWD/mine" -- date +%F
        done
        '\(CommandLine.binary)' run --quiet --system --source "$PWD/mine=$PWD/mine" --env "PATH=$PWD/mine" -- date
        """, in: directory)
      #expect(outcome.output == "2020-01-01\n2020-01-01\nmy date\n", "\(outcome.error)")
    }
  }

  @Test("computes as processors without FMA do")
  func arithmetic() throws {
    let program = """
      import math
      print(hash(tuple(math.sin(i * 0.37) for i in range(20000))), hash(tuple((i / 7) ** 1.37 for i in range(2000))))
      """
    try CommandLine.withDirectory { directory in
      try program.write(toFile: directory + "/compute.py", atomically: true, encoding: .utf8)
      let outcome = try CommandLine.shell(
        """
        unset GLIBC_TUNABLES; compute() { python3 compute.py; }; run="'\(CommandLine.binary)' run --quiet --system --reproducible"
        GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4 compute; eval $run -- python3 compute.py
        compute; eval $run --env GLIBC_TUNABLES= -- python3 compute.py
        """, in: directory)
      let lines = outcome.output.split(separator: "\n")
      try #require(lines.count == 4, "\(outcome.error)")
      #expect(lines[0] == lines[1] && lines[2] == lines[3])
    }
  }

  static let questions: [String] = [
    "nproc; getconf -a; lscpu 2>&1 | wc -l; python3 -c 'import os; print(os.cpu_count(), os.sched_getaffinity(0))'",
    "free; cat /proc/meminfo /proc/vmstat /proc/swaps",
    "uname -a; cat /proc/version; hostname; dnsdomainname 2>&1; true",
    "df; df -i; stat -f / /tmp /project /proc", "cat /proc/loadavg /proc/stat /proc/cpuinfo",
    "ls -lai .. . .. /project/link; ls -lai /usr/bin | tail -n +4; ls /",
    "stat . ../one ../link /usr /etc/passwd /proc /dev/null /tmp",
    "find /project; find .. -type f | cpio -o -H newc 2>/dev/null | sha256sum",
    "tar c /project 2>&1 | sha256sum; tar cC .. . | sha256sum", "du -a /project; du -s /usr/share/doc | cut -f 1",
    "ulimit -a; ulimit -Ha; cat /proc/self/limits; bash -c 'ulimit -a'", "umask; umask -S; touch f; stat -c %a f",
    "id; id -G; env; echo $HOME $USER; pwd; cd ..; pwd",
    "nice; trap; cat /proc/self/cgroup /proc/self/mountinfo /proc/mounts",
    "ls /proc | grep -v '^[0-9]'; ls /proc/self; find /proc/sys -type f | sort",
    "find /proc/sys -type f | grep -v random/uuid | xargs cat; cat /proc/filesystems /proc/devices",
    "grep -v -e ^Vm -e ^Rss -e id: -e NS /proc/self/status; cat /proc/self/maps",
    "ls -la /sys; git status --short; git rev-parse HEAD 2>&1; true",
    "for i in 5 3 9 1 7 4; do (sleep 0.0$((i * 7 % 4)); touch n$i; mkdir d$i) & done; wait; find . ; ls -U; rm n5; touch n2; find . -name 'n*'",
    "for i in 5 3 9 1 7 4; do (sleep 0.0$((i * 7 % 4)); touch /tmp/n$i) & done; wait; ls -Uai /tmp",
    "printf 'int main(void) { return __LINE__; }' > m.c; gcc -g -o m m.c && sha256sum m; gcc -c -g f.c -o f.o 2>&1; grep -c /project m",
    "head -c 300000 /dev/zero | xz -T0 --block-size=65536 | sha256sum; printf 'a:\\n\\t@echo $(CURDIR)\\n' > Makefile; make -s; make -s -j$(nproc)",
    "python3 -c 'import os, sys, platform, resource, locale; print(os.uname(), os.listdir(\"/project\"), platform.platform(), resource.getrlimit(7), sys.getfilesystemencoding(), os.getloadavg(), os.statvfs(\"/\"), hash(\"x\"))'",
    "perl -e 'print join q( ), keys %{{map {$_ => 1} 1..20}}, rand, (stat q(.))[1, 3, 4, 5]'",
    "readlink /proc/self/ns/*; stat -L -c '%i %d' /proc/self/ns/*; python3 -c 'import os; f = os.open(\"/proc/self/ns/net\", 0); print(os.fstat(f)[:3])'",
    "cat /proc/sys/fs/file-nr; : | readlink /proc/self/fd/0; : | stat -L -c '%i %d %F' -",
    "python3 -c 'import os, socket; s = socket.socket(); p = os.pipe(); print([os.fstat(f)[1:3] for f in (*p, s.fileno(), os.memfd_create(\"x\"), os.pidfd_open(os.getpid()))])'",
    "taskset -p $$ | sed 's/.*: //'; cat /proc/sys/kernel/random/boot_id; mktemp -u", "ls -A ../..; ls -A ..; ls -A .",
  ]

  @Test("is told the same in two places and surroundings", arguments: questions, users)
  func same(_ script: String, _ user: Int) throws {
    try CommandLine.withDirectory { directory in
      let outputs = try Self.outputs(script, user: user, in: directory)
      #expect(!outputs[0].isEmpty)
      #expect(outputs[0] == outputs[1])
    }
  }

  @Test("has what it is told to have")
  func told() throws {
    try CommandLine.withDirectory { directory in
      let script =
        "nproc; uname -r; python3 -c 'import os; print(os.cpu_count())'; getconf _NPROCESSORS_ONLN; echo $A; id -u; echo $HOME"
      let outputs = try Self.outputs(
        script, "--cpus 5 --kernel-version 5.4.3-mine --env A=b --uid 33", in: directory)
      #expect(outputs[0] == "5\n5.4.3-mine\n5\n5\nb\n33\n/home/user\n")
      #expect(outputs[1] == outputs[0])
    }
  }

  struct Part: CustomTestStringConvertible {
    var option: String
    var question: String
    var testDescription: String { option }
  }

  static let parts = [
    Part(option: "--no-seed", question: "head -c 8 /dev/urandom | od -x"),
    Part(option: "--no-machine", question: "ulimit -s"),
    Part(option: "--keep-env", question: "echo $TZ; umask"), Part(option: "--keep-place", question: "pwd"),
    Part(option: "--times host", question: "stat -c %y ../one"), Part(option: "--env-all", question: "echo $TZ"),
  ]

  @Test("has each part by itself", arguments: parts)
  func partsLeftOut(_ part: Part) throws {
    try CommandLine.withDirectory { directory in
      let all = try Self.outputs(part.question, in: directory)
      #expect(all[0] == all[1])
    }
    try CommandLine.withDirectory { directory in
      let without = try Self.outputs(part.question, part.option, in: directory)
      #expect(without[0] != without[1])
    }
  }

  @Test("brings its results to the project on the host, from the place where the guest has it")
  func results() throws {
    try CommandLine.withDirectory { directory in
      let script = """
        mkdir -p repo/src; git init -q repo; echo old > repo/src/a; echo b > repo/b; cd repo/src
        uwrx='\(CommandLine.binary)'
        $uwrx run --reproducible --system -- sh -c 'ls -A; echo new > a; rm ../b; mkdir build; echo x > build/x; ln -s a l'
        $uwrx diff --name-status last; $uwrx export last /project/src/a --to ../../out; cat ../../out/project/src/a
        $uwrx apply last > /dev/null; cat a build/x l; ls ..
        $uwrx run --reproducible --apply --system -- sh -c 'pwd > where'; cat where
        """
      let outcome = try CommandLine.shell(script, in: directory)
      #expect(
        outcome.output
          == "a\nD\t\(directory)/repo/b\nM\ta\nA\tbuild/x\nA\tl\nnew\nnew\nx\nnew\nsrc\nA\twhere\n/project/src\n",
        "\(outcome.error)")
    }
  }

  @Test("leaves nothing else than what it says in the trace")
  func recordedOptions() throws {
    try CommandLine.withDirectory { directory in
      _ = try CommandLine.run(["run", "--reproducible", "--system", "--", "true"], in: directory)
      let options = try String(contentsOfFile: directory + "/build/0/0/options", encoding: .utf8)
      for line in [
        "machine\tuniform", "cpus\t1", "kernel-version\t6.1.0", "process-numbers\tsame", "umask\t022",
        "times\tsquashed",
      ] {
        #expect(options.contains(line + "\n"), "\(options)")
      }
      #expect(options.contains("workdir\t/project\n") && options.contains("env\tSOURCE_DATE_EPOCH=1577836800\n"))
    }
  }

  static let mistakes = [
    ("--cpus 2", "--cpus"), ("--no-machine", "--no-machine"),
    ("--reproducible --no-machine --kernel-version 6", "--no-machine"),
    ("--reproducible --cpus 65", "64"), ("--reproducible --kernel-version ''", "6.1.0"),
    ("--reproducible --seed 1 --no-seed", "--seed"),
    ("--verify 1", "--verify"), ("--verify 2 --trace off", "--trace"),
  ]

  @Test("refuses what has no meaning", arguments: mistakes)
  func refusals(_ options: String, _ word: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell("'\(CommandLine.binary)' run \(options) --system -- true", in: directory)
      #expect(outcome.status == 125 && outcome.error.contains(word), "\(outcome)")
    }
  }
}
