import Foundation
import Testing

/// Which directory `--system` gives, from wherever in it uwrx is started.
@Suite("Projects", .serialized)
struct ProjectTests {
  private static let make = """
    set -e; export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    git init -q repo; mkdir -p repo/src/deep repo/include other; echo outer > other/secret
    echo '#define WORD "seen"' > repo/include/word.h
    printf 'all:\\n\\tcat ../include/word.h\\n\\tgit status --short\\n' > repo/src/Makefile
    git -C repo add .; git -C repo commit -q -m one
    """

  private struct Case {
    var prepare = ""
    var directory = "repo/src"
    var options = ""
    var command = "make -s"
    var output = "#define WORD \"seen\"\n"
    var error = ""
  }

  private func check(_ given: Case, _ comment: Comment) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        \(Self.make)
        \(given.prepare)
        cd \(given.directory)
        '\(CommandLine.binary)' run --system --build '\(directory)/build' \(given.options) -- \(given.command)
        """, in: directory)
      #expect(outcome.output == given.output, "\(comment): \(outcome.error)")
      #expect(given.error.isEmpty || outcome.error.contains(given.error), "\(comment): \(outcome.error)")
      #expect(outcome.error.isEmpty == given.error.isEmpty, "\(comment): \(outcome.error)")
    }
  }

  @Test("a directory below the root of a repository sees all of it")
  func below() throws {
    try check(Case(), "src")
    try check(Case(directory: "repo/src/deep", command: "ls ../..", output: "include\nsrc\n"), "deep")
    try check(
      Case(
        command: "sh -c 'cat ../../other/secret 2>&1 | grep -c such; cat ../.git/HEAD'",
        output: "1\nref: refs/heads/master\n"),
      "nothing beside it")
  }

  @Test("a linked working tree comes with the repository that it belongs to, and not with that one's files")
  func linkedTree() throws {
    try check(
      Case(
        prepare: "git -C repo worktree add -q ../tree", directory: "tree/src",
        command: "sh -c 'make -s; git log --format=%s; ls -A ../../repo'",
        output: "#define WORD \"seen\"\none\n.git\n"), "worktree")
  }

  @Test("a submodule comes with its own part of the repository around it")
  func submodule() throws {
    try check(
      Case(
        prepare: """
          git init -q outer; git -C outer -c protocol.file.allow=always submodule --quiet add "$PWD/repo" part
          echo other > outer/file
          """, directory: "outer/part/src",
        command: "sh -c 'make -s; git log --format=%s; ls ../../; ls -A ../../.git'",
        output: "#define WORD \"seen\"\none\npart\nmodules\n"), "submodule")
  }

  @Test("what a .git names and does not name it back is not given")
  func plantedLink() throws {
    try check(
      Case(
        prepare: """
          mkdir victim; echo ref: x > victim/HEAD; echo secret > victim/secret; rm -rf repo/.git
          echo "gitdir: $PWD/victim" > repo/.git
          """, command: "sh -c 'ls ../../victim/secret 2>/dev/null; cat ../include/word.h'",
        error: "does not name"), "planted")
  }

  @Test("--project and --no-project say otherwise")
  func options() throws {
    try check(
      Case(options: "--no-project", command: "sh -c 'ls; ls .. | wc -l'", output: "Makefile\ndeep\n1\n"), "--no-project"
    )
    try check(Case(options: "--project ..", command: "make -s"), "--project")
    try check(
      Case(
        directory: "other", options: "--project ../repo/src", command: "sh -c 'basename \"$PWD\"; ls'",
        output: "src\nMakefile\ndeep\n"),
      "--project elsewhere")
  }

  @Test("a home directory is no project, whatever is in it")
  func home() throws {
    try check(
      Case(
        prepare: "export HOME=$PWD/repo; mkdir -p repo/work; touch repo/work/mine", directory: "repo/work",
        command: "sh -c 'ls; ls ../include 2>&1 | grep -c such'", output: "mine\n1\n"), "home")
  }
}
