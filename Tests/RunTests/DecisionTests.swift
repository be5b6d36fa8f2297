import Foundation
import Testing

/// Tools that decide by times, inode numbers, sizes and owners decide as they do natively.
@Suite("Decisions", .serialized)
struct DecisionTests {
  private static let prepare = """
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    mkdir repo; cd repo; git init -q .; for i in 1 2 3 4 5; do echo $i > f$i; done; git add .; git commit -qm all
    echo changed > f2; rm f3; echo new > f6; touch f4; cd ..
    mkdir src dst; for i in 1 2 3 4; do echo $i > src/$i; done; touch -d 2001-01-02 src/*; cp -p src/* dst; echo 22 > src/2; touch -d 2001-01-01 dst/3
    chmod 600 src/4; tar cf all.tar src dst; echo later >> src/1; chmod 755 dst/1
    printf 'all: old.out new.out\\n%%.out: %%.in\\n\\tcp $< $@\\n' > Makefile
    echo a > old.out; touch -d '2001-01-01' old.out; echo a > old.in; echo b > new.in; touch -d '2001-01-01' new.in; echo b > new.out
    ln src/1 hard; touch -d 2001-01-03 src dst
    """
  private static let ask = """
    (cd repo; git status --porcelain; git diff --stat)
    rsync -a -n -i -H src/ dst/; tar --compare -f all.tar; make -n; find . -path ./build -prune -o -newer old.in -print | sort
    find src -samefile hard; cp -u src/2 dst/2 -v; stat -c '%n %s %Y %h %a' src/* | sort
    """
  private static let change = """
    echo more >> src/3; touch new.in; make; (cd repo; git add f6; git commit -qam second; git status); rsync -a src/ dst/
    rm src/4; mv old.in older.in; ln src/2 second
    """

  private func ask(_ options: [String], in directory: String) throws -> String {
    let outcome = try CommandLine.run(["run"] + options + ["--", "sh", "-c", Self.ask + "\nexit 0"], in: directory)
    #expect(outcome.status == 0)
    return outcome.output + outcome.error
  }

  @Test("of files in a source, and of files in a parent's layer")
  func decisions() throws {
    try CommandLine.withDirectory { directory in
      #expect(try CommandLine.shell(Self.prepare, in: directory).status == 0)
      let onSource = try ask(["--system"], in: directory)
      // git writes the index when it has looked; each side gets the files as they were.
      _ = try CommandLine.shell("cp -a . ../$(basename $PWD)-copy", in: directory)
      defer { try? FileManager.default.removeItem(atPath: directory + "-copy") }
      let natively = try CommandLine.shell(Self.ask, in: directory + "-copy")
      #expect(onSource == natively.output + natively.error)

      let made = try CommandLine.run(
        [
          "run", "--step", "100", "--system", "--env", "GIT_AUTHOR_NAME=a", "--env", "GIT_AUTHOR_EMAIL=a@b", "--env",
          "GIT_COMMITTER_NAME=a", "--env", "GIT_COMMITTER_EMAIL=a@b", "--", "sh", "-ec", Self.change,
        ], in: directory)
      #expect(made.status == 0, "\(made.error)")
      let onParent = try ask(["--parent", "build/100/0"], in: directory)
      let identity = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b\n"
      _ = try CommandLine.shell(identity + Self.change, in: directory)
      let after = try CommandLine.shell(Self.ask, in: directory)
      #expect(withoutTimes(onParent) == withoutTimes(after.output + after.error))
    }
  }

  /// The changes were made at another time.
  private func withoutTimes(_ text: String) -> String {
    text.replacing(#/ 1[0-9]{9} /#, with: " time ").replacing(/commit [0-9a-f]+/, with: "commit")
  }
}
