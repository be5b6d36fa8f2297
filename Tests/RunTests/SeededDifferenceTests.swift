import Foundation
import Testing

/// A small build is recorded and made again: as it was, and with one thing changed. `uwrx diff` names what was changed, or who went by it.
@Suite("A build made again", .serialized)
struct SeededDifferenceTests {
  /// Something that is changed between a run and its replay.
  struct Change: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// What a shell does in the project.
    var edit = ""
    /// Options of both runs.
    var recording: [String] = []
    /// Options of the second run: a replay takes some of them, else it is a run of its own.
    var options: [String] = []
    var isReplay = true
    /// What the first three lines say.
    var told: [String]
    /// The files that differ then, and no others.
    var files: Set<String>
    /// What is said of what is in them.
    var inside: [String]
  }

  static let changes: [Change] = [
    Change(
      testDescription: "a source", edit: "sed -i 's/return 1/return 11/' one.c",
      told: [
        "was given something else: # cc -O1 -c -DFLAG=1 -o one.o one.c", "source, changed in between: /project/one.c",
      ],
      files: ["one.o", "lib.a", "out.tar.gz", "out.tar.xz"], inside: ["lib.a › one.o › ELF .text: from byte 1 on"]),
    Change(
      testDescription: "a header", edit: "echo '#define TWO 22' > two.h",
      told: ["was given something else: # cc -O1 -c -o two.o two.c", "source, changed in between: /project/two.h"],
      files: ["two.o", "lib.a", "out.tar.gz", "out.tar.xz"], inside: ["two.o › ELF .text: from byte 1 on"]),
    Change(
      testDescription: "a flag in the Makefile", edit: "sed -i s/-DFLAG=1/-DFLAG=2/ Makefile",
      told: ["was given something else: # make -s", "source, changed in between: /project/Makefile"],
      files: ["one.o", "lib.a", "out.tar.gz", "out.tar.xz"], inside: ["one.o › ELF .data: from byte 0 on"]),
    Change(
      testDescription: "a variable", options: ["--env", "NAME=another"],
      told: ["was given something else: # make -s", "environment: NAME"],
      files: ["gen.c", "gen.o", "lib.a", "out.tar.gz", "out.tar.xz"],
      inside: ["gen.o › ELF .rodata.str1.1: from byte 8 on \"made by somebody\" and \"made by another\""]),
    Change(
      testDescription: "a generator", edit: "sed -i 's/made by/brought by/' gen.sh",
      told: ["was given something else: # ./gen.sh", "source, changed in between: /project/gen.sh"],
      files: ["gen.c", "gen.o", "lib.a", "out.tar.gz", "out.tar.xz"],
      inside: ["    -const char *text = \"made by somebody\";", "    +const char *text = \"brought by somebody\";"]),
    Change(
      testDescription: "a tool from another source",
      edit:
        "mv ../tools/upper ../tools/old; printf '#!/bin/sh\\nsed s/d/D/\\n' > ../tools/upper; chmod +x ../tools/upper",
      told: ["was given something else: # /tools/upper", "source, changed in between: /tools/upper"],
      files: ["text.txt"], inside: ["    -DATA", "    +Data"]),
    Change(
      testDescription: "a program from another source", edit: "cp /bin/false ../tools/ok",
      told: ["was given something else: # /tools/ok", "source, changed in between: /tools/ok"],
      files: ["ok.txt"], inside: ["    -0", "    +1"]),
    Change(
      testDescription: "another file for a source", edit: "echo other > ../other.txt",
      options: ["--source", "/project/data.txt=../other.txt"],
      told: ["was given something else: # tar c", "source, another file: /project/data.txt"],
      files: ["text.txt", "out.tar.gz", "out.tar.xz"], inside: ["  data.txt:", "    -data", "    +other"]),
    Change(
      testDescription: "data in an archive", edit: "echo other > only.txt",
      told: ["was given something else: # tar c", "source, changed in between: /project/only.txt"],
      files: ["out.tar.gz", "out.tar.xz"], inside: ["  only.txt:", "    -only", "    +other"]),
    Change(
      testDescription: "the target of a link", edit: "ln -sfn two.h link",
      told: ["was given something else: # tar c", "source, changed in between: /project/link"],
      files: ["out.tar.gz", "out.tar.xz"], inside: ["  link: target data.txt and two.h"]),
    Change(
      testDescription: "a permission", edit: "chmod 600 only.txt",
      told: ["was given something else: # tar c", "source, changed in between: /project/only.txt"],
      files: ["out.tar.gz", "out.tar.xz"], inside: ["  only.txt: mode 0644 and 0600"]),
    Change(
      testDescription: "the seed", options: ["--seed", "1"], isReplay: false,
      told: [
        "the runs were given another seed: 0000000000000000 and 0000000000000001",
        "made a difference: # /bin/sh -c 'head -c 8 /dev/urandom > key'", "gave other contents: /project/key",
      ],
      files: ["key"], inside: ["  from byte 0 on "]),
    Change(
      testDescription: "the epoch", options: ["--epoch", "1500000000"], isReplay: false,
      told: [
        "the runs were given another epoch: 1577836800 and 1500000000", "was given something else: # make -s",
        "environment: SOURCE_DATE_EPOCH",
      ],
      files: ["out.tar.gz", "out.tar.xz"], inside: ["lib.a: time 2020-01-01T00:00:00Z and 2017-07-14T02:40:00Z"]),
    Change(
      testDescription: "chance",
      recording: ["--no-seed"],
      told: ["made a difference: # /bin/sh -c 'head -c 8 /dev/urandom > key'"], files: ["key"],
      inside: ["  from byte 0 on "]),
  ]

  private static let project: [String: String] = [
    "one.c": "int flag = FLAG;\nint one(void) { return 1; }\n",
    "two.c": "#include \"two.h\"\nint two(void) { return TWO; }\n", "two.h": "#define TWO 2\n",
    "gen.sh": "#!/bin/sh\necho \"const char *text = \\\"made by $NAME\\\";\"\n", "data.txt": "data\n",
    "only.txt": "only\n",
    "Makefile": """
    CFLAGS = -O1
    all: out.tar.gz out.tar.xz text.txt key ok.txt
    one.o: one.c ; cc $(CFLAGS) -c -DFLAG=1 -o one.o one.c
    two.o: two.c two.h ; cc $(CFLAGS) -c -o two.o two.c
    gen.c: gen.sh ; ./gen.sh > gen.c
    gen.o: gen.c ; cc $(CFLAGS) -c -o gen.o gen.c
    lib.a: one.o two.o gen.o ; ar rcs lib.a one.o two.o gen.o
    out.tar.gz: lib.a ; tar czf out.tar.gz lib.a data.txt only.txt link
    out.tar.xz: lib.a ; tar cJf out.tar.xz lib.a data.txt only.txt link
    text.txt: data.txt ; /tools/upper < data.txt > text.txt
    ok.txt: ; /tools/ok; echo $$? > ok.txt
    key: ; head -c 8 /dev/urandom > key

    """,
  ]

  /// Records the build.
  private static func withBuild(_ recording: [String] = [], _ body: (String) throws -> Void) throws {
    try CommandLine.withDirectory { directory in
      let project = directory + "/project"
      try FileManager.default.createDirectory(atPath: project, withIntermediateDirectories: true)
      for (name, text) in Self.project {
        try text.write(toFile: "\(project)/\(name)", atomically: true, encoding: .utf8)
      }
      let made = try CommandLine.shell(
        """
        git init -q . && chmod +x gen.sh && chmod 644 *.txt && ln -s data.txt link && mkdir ../tools && cp /bin/true ../tools/ok &&
        printf '#!/bin/sh\\ntr a-z A-Z\\n' > ../tools/upper && chmod +x ../tools/upper
        """, in: project)
      #expect(made.status == 0, "\(made.error)")
      let first = try CommandLine.run(["run"] + options + recording + command, in: project)
      #expect(first.status == 0, "\(first.error)")
      try body(project)
    }
  }

  private static let options = [
    "--quiet", "--reproducible", "--system", "--source", "/tools=../tools", "--env", "NAME=somebody",
  ]
  private static let command = ["--", "make", "-s"]

  /// Runs the second build.
  /// - Returns: its trace.
  private static func again(_ options: [String], isReplay: Bool, in project: String) throws -> String {
    let arguments =
      isReplay ? ["run", "--quiet", "--replay", "build/0/0"] + options : ["run"] + Self.options + options + command
    let outcome = try CommandLine.run(arguments, in: project)
    #expect(outcome.status == 0, "\(outcome.error)")
    return isReplay ? "build/0/1" : "build/10/0"
  }

  @Test("gives the same files")
  func unchanged() throws {
    try Self.withBuild { project in
      let second = try Self.again([], isReplay: true, in: project)
      let difference = try CommandLine.run(["diff", "build/0/0", second], in: project)
      #expect(difference.status == 0 && difference.output.isEmpty, "\(difference.output)")
      let files = try CommandLine.shell("diff -r --no-dereference build/0/0/files \(second)/files", in: project)
      #expect(files.status == 0, "\(files.output)")
    }
  }

  @Test("differs where it must, and the first lines say why", arguments: changes)
  func changed(_ change: Change) throws {
    try Self.withBuild(change.recording) { project in
      if !change.edit.isEmpty {
        let edit = try CommandLine.shell(change.edit, in: project)
        #expect(edit.status == 0, "\(edit.error)")
      }
      let second = try Self.again(change.options, isReplay: change.isReplay, in: project)
      let files = try CommandLine.shell("diff -rq build/0/0/files \(second)/files", in: project)
      let names = files.output.split(separator: "\n").compactMap {
        $0.split(separator: " ")[1].split(separator: "/").last
      }
      #expect(Set(names.map { String($0) }) == change.files, "\(files.output)")
      let difference = try CommandLine.run(["diff", "build/0/0", second], in: project)
      #expect(difference.status == 1)
      let lines = difference.output.split(separator: "\n").map {
        $0.replacing(#/^(was given something else|made a difference): \d+ /#) { "\($0.output.1): # " }
      }
      let beginning = lines.prefix(3).joined(separator: "\n")
      for told in change.told { #expect(beginning.contains(told), "\(difference.output)") }
      for inside in change.inside { #expect(lines.contains { $0.contains(inside) }, "\(difference.output)") }
      let differing = lines.filter { $0.hasPrefix("differs: ") }.map {
        $0.split(separator: ",")[0].split(separator: "/").last!
      }
      #expect(Set(differing.map { String($0) }) == change.files)
    }
  }

  @Test("as a page and for programs, with the same content")
  func formats() throws {
    try Self.withBuild { project in
      _ = try CommandLine.shell("printf '<script>alert(1)</script>\\n' > only.txt", in: project)
      let second = try Self.again([], isReplay: true, in: project)
      let page = try CommandLine.run(["diff", "build/0/0", second, "--format", "html"], in: project)
      #expect(page.status == 1 && page.output.hasPrefix("<!doctype html>") && page.output.hasSuffix("</html>\n"))
      #expect(!page.output.contains("<script") && page.output.contains("&lt;script&gt;alert(1)"))
      #expect(page.output.contains("got other source, changed in between: /project/only.txt"))
      #expect(page.output.contains("<code>only.txt</code>: <pre>"))
      let json = try CommandLine.run(["diff", "build/0/0", second, "--format", "json"], in: project)
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
      #expect(object["same"] as? Bool == false)
      let files = try #require(object["files"] as? [[String: Any]])
      #expect(files.compactMap { $0["path"] as? String } == ["/project/out.tar.gz", "/project/out.tar.xz"])
      for file in files {
        let contents = try #require(file["contents"] as? [[String: Any]])
        #expect(contents.map { $0["kind"] as? String } == ["lines"])
        #expect(contents.first?["place"] as? [String] == ["only.txt"])
        #expect(file["origin"] is Int)
      }
      let program = project + "/../diffoscope"
      try "#!/bin/sh\necho \"seen <$5>\"; exit 1\n".write(toFile: program, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
      for (format, expected) in [
        ("text", "    seen <"), ("html", "<pre>seen &lt;"), ("json", "\"diffoscope\":\"seen <"),
      ] {
        let told = try CommandLine.run(
          ["diff", "build/0/0", second, "--diffoscope", "--format", format], in: project,
          environment: ["PATH": "\(project)/.."])
        #expect(told.output.components(separatedBy: expected).count == 3, "\(told)")
      }
    }
  }

  @Test(
    "what does not go together is told",
    arguments: [
      (["last", "--format", "html"], "name the second one"), (["last", "--diffoscope"], "name the second one"),
      (["last", "last", "--diffoscope"], "diffoscope is not in PATH: install it"),
    ])
  func refusals(_ arguments: [String], _ message: String) throws {
    try CommandLine.withDirectory { directory in
      _ = try CommandLine.run(["run", "--quiet", "--system", "--", "true"], in: directory)
      let outcome = try CommandLine.run(["diff"] + arguments, in: directory, environment: ["PATH": "/nowhere"])
      #expect(outcome.status == 125 && outcome.error.contains(message), "\(outcome)")
      #expect(outcome.output.isEmpty)
    }
  }
}
