import Foundation
import Testing

/// Archives that tar, mksquashfs, git and Python make, as sources of real runs.
@Suite("sources that are archives", .serialized)
struct ArchiveSourceTests {
  /// A root file system with a shell, and what can be told apart in it.
  private static let makeRoot = """
    set -e
    mkdir -p root/bin root/etc root/d/sub
    cp /bin/busybox root/bin/
    for a in sh ls cat stat readlink rm md5sum find chmod; do ln -s busybox root/bin/$a; done
    echo hello > root/etc/file; chmod 640 root/etc/file; ln root/etc/file root/d/hard
    ln -s ../etc/file root/d/link; mkfifo root/d/fifo; echo slash > 'root/d/back\\slash'; echo u > root/d/ünï
    yes 0123456789 | head -c 3000000 > root/d/big; truncate -s 5M root/d/sparse; echo end >> root/d/sparse
    tar -C root -cf a.tar .
    """

  private static let shell = ["--clear-env", "--env", "PATH=/bin", "--workdir", "/"]

  private static func run(
    _ sources: [String], _ script: String, in directory: String
  ) throws -> CommandLine.Outcome {
    try CommandLine.run(
      ["run"] + sources.flatMap { ["--source", $0] } + shell + ["--", "/bin/sh", "-c", script], in: directory)
  }

  private static func withRoot(_ make: String = "", _ body: (String) throws -> Void) throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell(makeRoot + "\n" + make, in: directory)
      #expect(made.status == 0, "\(made.error)")
      try body(directory)
    }
  }

  /// What is asked of a tree, below its root: natively it is answered by the shell of the same root.
  private static let questions = """
    ls -a bin d etc; for f in d/big d/sparse d/hard d/link d/*slash d/ü* etc/file; do md5sum < $f; done
    readlink d/link bin/ls; stat -c '%n %F %a %h %s %Y' d d/* etc etc/file; test d/hard -ef etc/file && echo same
    """

  @Test(
    "an archive shows what was packed, and its programs run",
    arguments: [
      ("tar", "a.tar", "true"), ("tar", "a.tar.gz", "gzip -k a.tar"), ("tar", "a.tar.xz", "xz -0 -k a.tar"),
      ("tar", "a.tar.zst", "zstd -q a.tar"), ("tar", "a.tar.bz2", "bzip2 -k a.tar"),
      ("tar", "pax.tar", "tar --format=pax -C root -cf pax.tar ."),
      ("tar", "sparse.tar", "tar -S -C root -cf sparse.tar ."),
      ("squashfs", "a.sqfs", "mksquashfs root a.sqfs -quiet -no-progress"),
      ("squashfs", "z.sqfs", "mksquashfs root z.sqfs -quiet -no-progress -comp zstd"),
    ])
  func formats(_ kind: String, _ name: String, _ make: String) throws {
    try Self.withRoot(make) { directory in
      let native = try CommandLine.shell(
        "cd root && exec env -i PATH=$PWD/bin sh -c \"$QUESTIONS\"", in: directory,
        environment: ["QUESTIONS": Self.questions])
      let cold = try Self.run(["/=\(kind):\(name)"], Self.questions, in: directory)
      #expect(cold.output == native.output, "\(cold.error)")
      let warm = try Self.run(["/=\(kind):\(name)"], Self.questions, in: directory)
      #expect(warm.output == native.output, "\(warm.error)")
    }
  }

  @Test("a directory or a file of an archive", arguments: ["tar:a.tar", "squashfs:a.sqfs"])
  func subpaths(_ archive: String) throws {
    try Self.withRoot("mksquashfs root a.sqfs -quiet -no-progress") { directory in
      let sources = ["/:200=tar:a.tar", "/x=\(archive)!/d", "/y/f=\(archive)!/etc/file", "/z=\(archive)!/bin"]
      let outcome = try Self.run(sources, "echo /x/* /y/*; cat /x/hard /y/f; /z/busybox echo ran", in: directory)
      #expect(
        outcome.output
          == "/x/back\\slash /x/big /x/fifo /x/hard /x/link /x/sparse /x/sub /x/ünï /y/f\nhello\nhello\nran\n",
        "\(outcome.output) \(outcome.error)")
      for (subpath, message) in [("no/such", "has no no/such"), ("d/link", "symbolic link to ../etc/file")] {
        let refused = try Self.run(["/=\(archive)!/\(subpath)"], "true", in: directory)
        #expect(refused.status == 125)
        #expect(refused.error.contains(message), "\(refused.error)")
      }
    }
  }

  @Test("archives are merged by priority")
  func priorities() throws {
    let make = """
      mkdir -p one/s two/s; for i in one two; do echo $i > $i/f; echo $i > $i/only-$i; echo $i > $i/s/$i; done
      tar -C one -cf one.tar .; mksquashfs two two.sqfs -quiet -no-progress
      """
    try Self.withRoot(make) { directory in
      let outcome = try Self.run(
        ["/:200=tar:a.tar", "/m=tar:one.tar", "/m:50=squashfs:two.sqfs"], "ls /m /m/s; cat /m/f", in: directory)
      #expect(outcome.output == "/m:\nf\nonly-one\nonly-two\ns\n\n/m/s:\none\ntwo\ntwo\n", "\(outcome.error)")
    }
  }

  @Test("what the guest writes leaves the archive and the cache alone")
  func copyUp() throws {
    try Self.withRoot { directory in
      let script = """
        echo more >> /etc/file; cat /d/hard; echo new > /d/big; rm /d/link; chmod 777 /d/sparse; exec 3< /d/sparse
        { echo x > /proc/self/fd/3; } 2> /dev/null; test -w /d/sparse && echo writable; cat /d/big
        """
      for _ in 0..<2 {
        let outcome = try Self.run(["/=tar:a.tar"], script, in: directory)
        #expect(outcome.output == "hello\nmore\nwritable\nnew\n", "\(outcome.output) \(outcome.error)")
      }
      let outcome = try Self.run(["/=tar:a.tar"], "cat /etc/file /d/link; md5sum < /d/sparse", in: directory)
      let native = try CommandLine.shell("cat root/etc/file root/d/link; md5sum < root/d/sparse", in: directory)
      #expect(outcome.output == native.output)
    }
  }

  @Test("a descriptor tells which file it is, before and after others were fetched")
  func identities() throws {
    try Self.withRoot { directory in
      let script = """
        exec 3< /etc/file 4< /d/big; readlink /proc/self/fd/3; readlink /proc/self/fd/4; stat -L -c '%s %h' /proc/self/fd/3
        stat -c %i /etc/file /d/hard > /dev/null; exec 5< /d/hard; test /proc/self/fd/3 -ef /d/hard && echo same
        rm /etc/file; cat <&3; cat /d/hard; ls /etc
        """
      let outcome = try Self.run(["/=tar:a.tar"], script, in: directory)
      #expect(outcome.output == "/etc/file\n/d/big\n6 2\nsame\nhello\nhello\n", "\(outcome.output) \(outcome.error)")
    }
  }

  @Test("runs that start at once fill one cache")
  func concurrent() throws {
    try Self.withRoot("gzip -k a.tar") { directory in
      let one = "\(CommandLine.binary) run --source /=tar:a.tar.gz \(Self.shell.joined(separator: " ")) -- /bin/sh -c"
      let outcome = try CommandLine.shell(
        "for i in 1 2 3 4; do \(one) 'md5sum /d/big /d/sparse /etc/file' 2>&1 & done | sort", in: directory)
      let native = try CommandLine.shell(
        "cd root; for i in 1 2 3 4; do md5sum d/big d/sparse etc/file; done | sed 's,  ,  /,' | sort", in: directory)
      #expect(outcome.output == native.output)
    }
  }

  @Test("a run that is killed leaves nothing half")
  func killed() throws {
    try Self.withRoot("for i in 1 2 3 4 5; do cp root/d/big root/d/big$i; done; tar -C root -cf - . | xz -0 > k.tar.xz")
    {
      directory in
      let command =
        "\(CommandLine.binary) run --source /=tar:k.tar.xz \(Self.shell.joined(separator: " ")) -- /bin/sh -c 'cat /d/* > /dev/null'"
      for delay in ["0.01", "0.03", "0.06", "0.1", "0.15", "0.2", "0.3"] {
        _ = try CommandLine.shell("timeout -s KILL \(delay) \(command)", in: directory)
      }
      let native = try CommandLine.shell("cd root; md5sum d/big* d/sparse | sed 's,  ,  /,'", in: directory)
      let outcome = try Self.run(["/=tar:k.tar.xz"], "md5sum /d/big* /d/sparse", in: directory)
      #expect(outcome.output == native.output, "\(outcome.error)")
    }
  }

  @Test("an ordinary user's run", .enabled(if: geteuid() == 0))
  func ordinaryUser() throws {
    try Self.withRoot(
      "gzip -k a.tar; mksquashfs root a.sqfs -quiet -no-progress; mkdir mine; chown 1000:1000 mine; chmod 755 ."
    ) {
      directory in
      try FileManager.default.copyItem(atPath: CommandLine.binary, toPath: directory + "/uwrx")
      for source in ["tar:../a.tar", "tar:../a.tar.gz", "squashfs:../a.sqfs"] {
        let outcome = try CommandLine.shell(
          """
          cd mine; exec setpriv --reuid 1000 --regid 1000 --clear-groups ../uwrx run --source /=\(source) \
          \(Self.shell.joined(separator: " ")) -- /bin/sh -c 'cat /d/hard; echo x >> /etc/file; cat /d/hard; stat -c "%u %a" /d/hard'
          """, in: directory)
        #expect(outcome.output == "hello\nhello\nx\n0 640\n", "\(outcome.output) \(outcome.error)")
      }
    }
  }

  @Test("times of all centuries are those of the archive, also of copies")
  func times() throws {
    try Self.withRoot(
      #"""
      cat > make.py <<'END'
      import io, tarfile
      t = tarfile.open("t.tar", "w", format=tarfile.PAX_FORMAT)
      for name, time in [("old", "-86400"), ("older", "-5000000000"), ("fraction", "-1.5"), ("now", "1.25"), ("far", "10000000000.125")]:
          i = tarfile.TarInfo(name); i.pax_headers = {"mtime": time}; t.addfile(i, io.BytesIO())
      t.close()
      END
      python3 make.py
      """#
    ) { directory in
      let script = "cd /t; for f in old older fraction now far; do stat -c '%n %y %Y' $f; done"
      let outcome = try CommandLine.run(
        ["run", "--system", "--source", "/t=tar:t.tar", "--env", "TZ=UTC", "--", "sh", "-c", script], in: directory)
      let expected = """
        old 1969-12-31 00:00:00.000000000 +0000 -86400
        older 1811-07-23 15:06:40.000000000 +0000 -5000000000
        fraction 1969-12-31 23:59:58.500000000 +0000 -2
        now 1970-01-01 00:00:01.250000000 +0000 1
        far 2286-11-20 17:46:40.125000000 +0000 10000000000

        """
      #expect(outcome.output == expected, "\(outcome.error)")
    }
  }

  @Test("a submodule is an empty directory, as in a clone")
  func submodule() throws {
    try Self.withRoot(
      """
      export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
      git init -q sub; git -C sub commit -q --allow-empty -m 1; git init -q super; cd super
      git -c protocol.file.allow=always submodule --quiet add ../sub deep/sub; git commit -qm 2
      """
    ) { directory in
      let outcome = try Self.run(
        ["/=tar:a.tar", "/x=git:super"], "find /x | sort; stat -c '%F %a' /x/deep/sub", in: directory)
      #expect(
        outcome.output == "/x\n/x/.gitmodules\n/x/deep\n/x/deep/sub\ndirectory 755\n", "\(outcome.error)")
    }
  }

  @Test("trees of a git repository")
  func git() throws {
    let make = """
      git init -q r; cd r; git config user.email a@example.org; git config user.name n; mkdir -p src/deep; echo one > src/a
      echo two > src/deep/b; : > e1; : > e2; ln -s ../a src/deep/link; printf '#!/bin/sh\\necho ran $1\\n' > run; chmod +x run
      git add .; GIT_COMMITTER_DATE='1700000000 +0000' git commit -qm 1; git tag v1; echo three > src/a; git commit -qam 2
      git config core.fsmonitor 'touch ../escaped'; git config core.pager 'touch ../escaped'
      printf '#!/bin/sh\\ntouch ../escaped\\n' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout
      chown -R 1000 . 2> /dev/null || true
      """
    try Self.withRoot(make) { directory in
      let script = """
        ls -a /r /r/src/deep; cat /r/src/a /v1/src/a /sub/a /r/src/deep/link; /r/run 1; echo x >> /r/e1; cat /r/e1 /r/e2
        stat -c '%a %Y' /v1/run /v1/src/a
        """
      let outcome = try Self.run(
        ["/:200=tar:a.tar", "/r=git:r", "/v1=git:r!v1", "/sub=git:r!HEAD:src"], script, in: directory)
      let expected = """
        /r:\n.\n..\ne1\ne2\nrun\nsrc\n\n/r/src/deep:\n.\n..\nb\nlink\nthree\none\nthree\nthree\nran 1\nx
        755 1700000000\n644 1700000000\n
        """
      #expect(outcome.output == expected, "\(outcome.output) \(outcome.error)")
      #expect(!FileManager.default.fileExists(atPath: directory + "/escaped"))
      for (source, message) in [
        ("r!nope", "has no tree nope"), ("r/src", "not a git repository"), ("no", "No such file"),
        ("r!--help", "no tree"),
        ("r!HEAD:run", "is not a tree"),
      ] {
        let refused = try Self.run(["/=git:\(source)"], "true", in: directory)
        #expect(refused.status == 125)
        #expect(refused.error.contains(message), "\(refused.error)")
      }
    }
  }
}
