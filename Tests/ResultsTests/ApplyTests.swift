import Foundation
import Testing

/// What `uwrx diff`, `apply` and `undo` do to a project.
struct ApplyTests {
  /// Files of every kind, of a day that is over.
  static let project = """
    mkdir -p src/deep docs empty; printf 'one\\ntwo\\nthree\\n' > a; printf 'x\\0y' > binary; cp a src/b; cp a src/deep/c
    echo doc > docs/d; echo text > docs/e; ln -s a link; ln a hard; printf '#!/bin/sh\\necho hello\\n' > tool; chmod 755 tool
    head -c 300000 /dev/zero | tr '\\0' z > large; printf 'last line' > noend
    echo odd > $'odd\\n\\xff'
    find . -exec touch -h -d 2020-01-02T03:04:05.678 {} +
    """

  /// What a guest does, and what git calls it.
  static let changes: [(name: String, command: String, status: String)] = [
    ("nothing", "cat a > /dev/null", ""),
    ("a new file", "echo new > n", "A n"),
    ("a changed file", "echo four >> noend", "M noend"),
    ("a later version", "echo first > n; bash -c 'echo second > n'; bash -c 'echo third > n'", "A n"),
    ("a version that goes", "echo first > n; bash -c 'cat n; rm n'", ""),
    ("a deleted file", "rm docs/d", "D docs/d"),
    ("a deleted directory", "rm -r docs", "D docs/d,D docs/e"),
    ("an empty directory", "mkdir -p new/er; rmdir empty", "D empty,A new/er"),
    ("a renamed file", "mv tool utility", "D tool,A utility"),
    (
      "a renamed directory", "mv src source; echo more >> source/b",
      "A source/b,A source/deep/c,D src/b,D src/deep/c"
    ),
    ("a directory renamed twice", "mv src s; mv s t; mv t/deep docs/deep", "A docs/deep/c,D src/b,D src/deep/c,A t/b"),
    ("a directory made again", "rm -r docs; mkdir docs; echo new > docs/n", "D docs/d,D docs/e,A docs/n"),
    ("a file becomes a directory", "rm tool; mkdir tool; echo in > tool/in", "D tool,A tool/in"),
    ("a directory becomes a file", "rm -r docs; echo file > docs", "D docs/d,D docs/e,A docs"),
    ("a file becomes a link", "rm tool; ln -s a tool", "T tool"),
    ("a link becomes a file", "rm link; echo file > link", "T link"),
    ("a link leads elsewhere", "ln -sfn docs link", "M link"),
    ("an exchange", "mv docs x; mv empty docs; mv x empty", "D docs/d,D docs/e,A empty/d,A empty/e"),
    ("a mode", "chmod 600 tool", "M tool"),
    ("the mode of a directory", "chmod 700 docs", "M docs"),
    ("a new mode and contents", "echo more >> tool; chmod 711 tool", "M tool"),
    ("a time", "touch -d 2021-01-01 tool", ""),
    ("hard links", "echo new > n; ln n m; ln n docs/l", "A docs/l,A m,A n"),
    ("a FIFO", "mkfifo -m 640 f", "A f"),
    ("attributes", "python3 -c \"import os; open('n','w'); os.setxattr('n','user.x',b'y')\"", "A n"),
    ("a large file", "printf Z | dd of=large conv=notrunc bs=1 seek=200000 status=none", "M large"),
    ("a hole", "truncate -s 5M h; echo end >> h", "A h"),
    ("names", "echo 1 > $'new\\nline'; echo 2 > $'no\\xffutf'; echo 3 > ' -x'", "A  -x,A new\\x0aline,A no\\xffutf"),
    ("an odd name", "rm odd*", "D odd\\x0a\\xff"),
    ("an odd name that moves", "mv odd* even", "A even,D odd\\x0a\\xff"),
    (
      "a build", "printf 'int main(void){return 0;}' > m.c; cc -g -Wl,--build-id=none -o m m.c; strip m; ./m",
      "A m,A m.c"
    ),
  ]

  @Test(arguments: changes)
  func applyingDoesWhatTheCommandWouldHaveDone(_ name: String, _ command: String, _ status: String) throws {
    try Shell.with { shell in
      try #require(try shell.run("\(Self.project); cp -a . ../native; cp -a . ../before").status == 0)
      let script = command.replacingOccurrences(of: "'", with: "'\\''")
      let run = try shell.run("(cd ../native; bash -c '\(script)'); run '\(script)' > /dev/null")
      #expect(run.status == 0, "\(run)")
      let before = try shell.tree()
      let told = try shell.run("$uwrx diff last --name-status")
      #expect(told.output.split(separator: "\n").map { $0.replacing("\t", with: " ") }.joined(separator: ",") == status)
      #expect(try shell.tree() == before)
      let dry = try shell.run("$uwrx apply last --dry-run")
      #expect(dry.status == 0, "\(dry)")
      #expect(try shell.tree() == before)
      let apply = try shell.run("$uwrx apply last")
      #expect(apply.status == 0, "\(apply)")
      // Of what the guest and the native command have written the times differ.
      let times = "find . -path ./build -prune -o -newermt '2022-01-01' -exec touch -h -d 2023-01-01 {} +"
      #expect(
        try shell.run("cp -a . ../after; cd ../after; rm -rf build; \(times); cd ../native; \(times)").status == 0)
      #expect(try shell.tree("after") == shell.tree("native"))
      // The run's view of a directory that it has moved follows the host's, and two that were exchanged are there again.
      let isExchange = name == "an exchange"
      #expect(try isExchange || shell.run("$uwrx diff last").output == "")
      let applied = try shell.tree()
      #expect(try shell.run("$uwrx apply last").status == (isExchange ? 1 : 0))
      #expect(try shell.tree() == applied)
      if status == "", name != "a time" { return }
      let undo = try shell.run("$uwrx undo last")
      #expect(undo.status == 0, "\(undo)")
      #expect(try shell.tree() == before)
      #expect(try shell.run("ls build/last/applied").status != 0)
      // What was put back is what the run has seen.
      #expect(try shell.run("$uwrx apply last").status == 0)
      #expect(try shell.run("$uwrx undo last").status == 0)
      #expect(try shell.tree() == before)
    }
  }

  @Test func gitAppliesTheDifference() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        \(Self.project); cp -a . ../copy; rm -f hard binary large
        run 'sed -i s/two/TWO/ a; seq 1 200 > src/n; rm docs/d; printf more >> noend; chmod 644 tool; ln -sfn docs link; seq 5 9 > docs/e'
        $uwrx diff last > ../patch; cd ../copy && git init -q && git apply -v ../patch; echo status $?
        cd ../project; $uwrx apply last > /dev/null; cd ..
        diff -r --no-dereference --exclude=build --exclude=.git --exclude=hard --exclude=binary --exclude=large project copy && stat -c %a copy/tool
        """)
      #expect(outcome.output.hasSuffix("status 0\n644\n"), "\(outcome)")
    }
  }

  @Test func theFormsOfADifference() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        \(Self.project); run 'sed -i s/two/TWO/ a; printf "x\\0yz" > binary; rm docs/d'
        $uwrx diff last --stat; $uwrx diff last; $uwrx diff last --format json
        """)
      #expect(
        outcome.output.contains(
          """
           a      | 2 +-
           binary | Bin 3 -> 4 bytes
           docs/d | 1 -
           3 files changed, 1 insertion(+), 2 deletions(-)

          """), "\(outcome)")
      #expect(outcome.output.contains("@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n"), "\(outcome)")
      #expect(
        outcome.output.contains("binary, 3 -> 4 bytes\n") && outcome.output.contains("deleted file mode 100644\n"))
      let objects = try outcome.output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      #expect(objects.map { $0["path"] as? String } == ["a", "binary", "docs/d"])
      #expect(objects.map { $0["binary"] as? Bool } == [false, true, false])
      #expect(objects[0]["insertions"] as? Int == 1 && objects[2]["new_mode"] is NSNull)
    }
  }

  @Test(arguments: [
    ("a change", "echo run >> a", "echo mine >> a", "a: it was changed there since"),
    ("a removal", "echo run >> a", "rm a", "a: it was removed there since"),
    ("a new file", "echo run > n", "echo mine > n", "n: it was not there when the run made it"),
    ("a mode", "echo run >> a", "chmod 600 a", "a: it was changed there since"),
    ("a deletion", "rm a", "echo mine >> a", "a: it was changed there since"),
    (
      "a file in a directory that goes", "rm -r docs", "echo mine > docs/n",
      "docs/n: the run, which removes the directory"
    ),
    ("another link", "ln -sfn docs link", "ln -sfn src link", "link: it was changed there since"),
    ("a directory for a file", "echo run >> tool", "rm tool; mkdir tool", "tool: it was changed there since"),
    (
      "a link for a directory", "echo run >> src/b", "mv src s; ln -s s src",
      "src: it was changed there since"
    ),
    ("the mode of a directory", "chmod 700 docs", "chmod 711 docs", "docs: its permissions were changed there since"),
  ])
  func whatWasChangedSinceIsNamedAndStays(_ name: String, _ guest: String, _ host: String, _ message: String) throws {
    try Shell.with { shell in
      #expect(try shell.run("\(Self.project); run '\(guest); echo other > other'; \(host)").status == 0)
      let before = try shell.tree()
      let apply = try shell.run("$uwrx apply last")
      #expect(apply.status == 1 && apply.error.contains(message), "\(apply)")
      #expect(try shell.tree() == before)
      // What is not concerned can be had.
      let part = try shell.run("$uwrx apply last other && cat other")
      #expect(part.status == 0 && part.output.hasSuffix("other\n"), "\(part)")
      #expect(try shell.run("$uwrx undo last").status == 0)
      #expect(try shell.tree() == before)
      let forced = try shell.run("$uwrx apply --force last && $uwrx diff last")
      #expect(forced.status == 0 && !forced.output.contains("diff --git"), "\(forced)")
      #expect(try shell.run("$uwrx undo last").status == 0)
      #expect(try shell.tree() == before)
    }
  }

  @Test(arguments: [
    ("a change", "echo mine >> n", "n: it was changed since"),
    ("a change to what was there", "echo mine >> a", "a: it was changed since"),
    ("a removal", "rm a", "a: it was removed since"),
    ("a file in a new directory", "echo mine > new/mine", "new/mine: it was made since"),
    ("what was removed is there", "echo mine > docs/d", "docs/d: it was changed since"),
  ])
  func undoNamesWhatWasChangedSince(_ name: String, _ host: String, _ message: String) throws {
    try Shell.with { shell in
      #expect(
        try shell.run(
          "\(Self.project); run 'echo run >> a; echo run > n; mkdir new; echo new > new/n; rm docs/d'; $uwrx apply last; \(host)"
        ).status == 0)
      let before = try shell.tree()
      let undo = try shell.run("$uwrx undo last")
      #expect(undo.status == 1 && undo.error.contains(message), "\(undo)")
      #expect(try shell.tree() == before)
      let forced = try shell.run("$uwrx undo --force last; tail -n 1 a; cat docs/d; ls n")
      #expect(forced.output == "three\ndoc\n", "\(forced)")
    }
  }

  /// Killed at its first, second ... rename, link and removal, as if the machine's user had done it.
  @Test(arguments: [
    "renameat2", "renameat2:when=3", "renameat", "renameat:when=2", "unlinkat", "linkat:when=2", "write:when=9",
    "fchmod:when=3",
  ])
  func anApplyThatWasKilledIsUndoneOrDoneAgain(_ call: String) throws {
    try Shell.with { shell in
      let parts = call.split(separator: ":")
      let inject = "inject=\(parts[0]):signal=KILL" + (parts.count > 1 ? ":\(parts[1])" : "")
      #expect(
        try shell.run(
          """
          \(Self.project); run 'rm docs/d; rm -r empty; echo run >> a; echo run >> noend; mkdir new; echo n > new/n; mv tool t; chmod 700 docs'
          cp -a . ../before
          """
        ).status == 0)
      let before = try shell.tree()
      let kill = "strace -qqfo /dev/null -e \(inject) $uwrx apply last > /dev/null"
      let killed = try shell.run("\(kill); echo $?; ls build/last/applied")
      #expect(killed.output.hasPrefix("137\n"), "\(killed)")
      let undo = try shell.run("$uwrx undo last")
      #expect(undo.status == 0, "\(undo)")
      #expect(try shell.tree() == before)
      let again = try shell.run(
        "\(kill); $uwrx apply last && $uwrx diff last | wc -l; find . -path ./build -prune -o -name '.uwrx*' -print")
      #expect(again.status == 0 && again.output.hasSuffix("\n0\n"), "\(again)")
      #expect(try shell.run("$uwrx undo last").status == 0)
      #expect(try shell.tree() == before)
    }
  }
}
