import Foundation
import Testing

/// A run is not trusted: what it leaves must not reach further than its user lets it.
struct ResultContainmentTests {
  @Test(arguments: [
    ("a hook", "mkdir -p .git/hooks; echo x > .git/hooks/pre-commit", ".git/hooks/pre-commit", "git runs it"),
    (
      "git's configuration", "printf '[core]\\nfsmonitor = x\\n' > .git/config", ".git/config", "git runs what it names"
    ),
    ("a git of a directory within", "mkdir -p sub/.git; echo x > sub/.git/config", "sub/.git/config", "git runs"),
    ("a git that is a file", "echo gitdir: /x > sub/.git", "sub/.git", "git runs what it leads to"),
    ("what a shell reads", "echo x > .bashrc", ".bashrc", "a program of yours runs it"),
    ("an editor's tasks", "mkdir .vscode; echo x > .vscode/tasks.json", ".vscode/tasks.json", "an editor runs"),
  ])
  func whatWouldRunLaterIsAppliedByNameOnly(_ name: String, _ command: String, _ path: String, _ reason: String) throws
  {
    try Shell.with { shell in
      let setup = "mkdir -p .git sub; echo a > a; run '\(command.replacing("'", with: "'\\''")); echo b > a'"
      let apply = try shell.run("\(setup); $uwrx apply last; echo $?; cat a; ls \(path)")
      #expect(apply.output.contains("1\nb\n") && !apply.output.hasSuffix("\(path)\n"), "\(apply)")
      #expect(apply.error.contains("not applied: \(path): \(reason)"), "\(apply)")
      let all = try shell.run("$uwrx apply last . ; ls \(path)")
      #expect(!all.output.hasSuffix("\(path)\n"), "\(all)")
      let named = try shell.run("$uwrx apply last \(path) && ls \(path)")
      #expect(named.status == 0 && named.output.hasSuffix("\(path)\n"), "\(named)")
    }
  }

  @Test func setIDBitsAndDevicesStayInTheTrace() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        echo a > gone; run 'cp /bin/true t; chmod 6755 t; mknod null c 1 3 2> /dev/null; rm gone; ln -s ../../secret out; ln -s t in'
        $uwrx apply last; echo $?; stat -c %a t; find . -path ./build -prune -o ! -type f ! -type d ! -type l -print; readlink out
        """)
      #expect(outcome.output.hasSuffix("0\n755\n../../secret\n"), "\(outcome)")
      #expect(outcome.error.contains("t: without its set-id bits"), "\(outcome)")
      #expect(outcome.error.contains("out: a link that leads out of the directory, to ../../secret"), "\(outcome)")
      #expect(!outcome.error.contains("in: a link"), "\(outcome)")
    }
  }

  /// Links that the host's user, or an earlier apply, has put where the run had directories.
  @Test func noLinkOnTheHostIsFollowed() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        mkdir d ../victim; echo v > ../victim/f; echo a > d/f; run 'echo run > d/f; mkdir d/n; echo run > d/n/g; rm -rf e'
        mv d was; ln -s ../victim d; $uwrx apply last; echo $?; $uwrx apply --force last > /dev/null; echo $?; ls ../victim; cat ../victim/f
        cat d/f d/n/g; $uwrx undo last; readlink d; ls ../victim; cat ../victim/f
        """)
      #expect(outcome.output == "1\n0\nf\nv\nrun\nrun\n../victim\nf\nv\n", "\(outcome)")
    }
  }

  @Test(arguments: [
    ("a source", "printf '/loot\\t100\\thost\\t%s\\n' $(realpath ../secret) >> $t/sources"),
    ("contents", "printf X | dd of=$t/files$PWD/a conv=notrunc status=none"),
    ("a base", "printf 'x\\thost\\t100644\\t1\\t1\\n' >> $t/files.base"),
    ("no signature", "rm $t/signature"),
  ])
  func aTraceThatWasChangedIsNotApplied(_ name: String, _ change: String) throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        "mkdir ../secret; echo a > a; run 'echo run > a'; t=build/0/0; \(change); $uwrx apply last; echo $?; cat a")
      #expect(outcome.output == "125\na\n" && outcome.error.contains("--trust-parent"), "\(outcome)")
      let trusted = try shell.run("$uwrx apply --trust-parent last; echo $?")
      #expect(trusted.output.hasSuffix("0\n"), "\(trusted)")
    }
  }

  /// A journal says which files to put where: one that came with a trace is not this user's.
  @Test func aJournalFromElsewhereIsNotBelieved() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        echo a > a; run 'echo run > a'; $uwrx apply last; cp -a build/0/0/applied x; rm -r build/0/0/applied; mv x build/0/0/applied
        $uwrx undo last; echo $?; cat a; $uwrx undo --trust-parent last; echo $?; cat a
        """)
      #expect(outcome.output.hasSuffix("125\nrun\n0\na\n"), "\(outcome)")
    }
  }

  @Test func runsAndTheirLinkAreUwrxsOwn() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        run 'mkdir -p build/7/0/files; echo x > build/7/0/cmd; ln -sfn / build/last; echo o > build/output'; $uwrx apply last; echo $?
        ls build; cat build/output; readlink build/last
        """)
      #expect(outcome.output.hasSuffix("1\n0\nlast\noutput\no\n0/0\n"), "\(outcome)")
    }
  }

  @Test func whatIsOutsideOfTheProjectIsLeftOut() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        mkdir ../other; echo o > ../other/o
        $uwrx run --quiet --system --source /data:ro=../other -- sh -c 'echo a > a; mkdir /x; echo b > /x/b; echo c > /usr/uwrx-test'
        $uwrx apply last; echo $?; ls; ls /usr/uwrx-test; $uwrx apply last /x; echo $?; $uwrx apply last nothing; echo $?
        """)
      #expect(outcome.output == "A\ta\n0\na\nbuild\n125\n125\n", "\(outcome)")
      #expect(outcome.error.contains("left out: /usr/uwrx-test: it is outside of the project"), "\(outcome)")
      #expect(outcome.error.contains("left out: /x/b: it is in no directory of the host's"), "\(outcome)")
      #expect(outcome.error.contains("uwrx export brings it out"), "\(outcome)")
    }
  }
}
