import Foundation
import Testing

/// What was done before is not done again, and what comes of it is what would have come of doing it.
@Suite("Skipping")
struct SkippingTests {
  static let users = getuid() == 0 ? [0, 1000] : [Int(getuid())]

  private static let files = [
    "Makefile": """
    program: main.o part.o
    \tcc -o $@ main.o part.o
    main.o: main.c
    \tcc -O1 -Ifirst -Isecond -MMD -c -o $@ main.c
    part.o: part.c
    \tcc $(FLAGS) -c -o $@ part.c
    """,
    "main.c":
      "#include <stdio.h>\n#include \"header.h\"\nint part(void);\nint main(void) { return printf(\"%d %d\\n\", NUMBER, part()) < 0; }\n",
    "second/header.h": "#define NUMBER 1\n", "part.c": "int part(void) { return 2; }\n",
  ]

  private struct Project {
    let directory: String
    /// How uwrx is called.
    let prefix: String
    var name = "project"

    /// Builds the project as it is now, beside it natively, and compares what comes of it.
    /// - Returns: the first characters of what was skipped, run and left unrecorded.
    func build(_ comment: Comment, make: String = "make -s", options: String = "") throws -> [String] {
      let script =
        "\(make) 2>&1; echo $?; for file in main.d *.o program; do test ! -e $file || sha256sum $file; done; test ! -e program || ./program"
      let guest = try run(script, options: options)
      let native = try CommandLine.shell(
        "rm -rf ../native && cp -a . ../native && cd ../native && (\(script))", in: project)
      #expect(guest.output == native.output, comment)
      #expect(guest.error == "", comment)
      return try told()
    }

    var project: String { "\(directory)/\(name)" }

    /// - Parameter asWhole: the script itself may be skipped.
    func run(_ script: String, options: String = "", asWhole: Bool = false) throws -> CommandLine.Outcome {
      let options = asWhole ? options : "--no-skip dash \(options)"
      return try CommandLine.shell(
        "\(prefix) run --system --no-project --quiet --build ../build --cache ../cache \(options) -- sh -c '\(script)' | cat",
        in: project)
    }

    func told() throws -> [String] {
      try CommandLine.shell(
        "\(prefix) inspect events ../build/last --type skipped --type unskipped --type unrecorded", in: project
      ).output.split(separator: "\n").map { line in
        line.split(separator: " ").dropFirst(2).filter { !$0.hasPrefix("<") }.joined(separator: " ")
      }
    }

    func edit(_ script: String) throws {
      let outcome = try CommandLine.shell(script, in: project)
      #expect(outcome.status == 0, "\(script) \(outcome.error)")
    }
  }

  private func withProject(_ user: Int, _ body: (Project) throws -> Void) throws {
    try CommandLine.withDirectory { directory in
      var prefix = CommandLine.binary
      for (name, text) in Self.files {
        let path = "\(directory)/project/\(name)"
        try FileManager.default.createDirectory(
          atPath: String(path[..<path.lastIndex(of: "/")!]), withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: false, encoding: .utf8)
      }
      if user != Int(getuid()) {
        prefix = "env HOME=/nonexistent setpriv --reuid \(user) --regid \(user) --clear-groups ../uwrx"
        _ = try CommandLine.shell("cp \(CommandLine.binary) uwrx && chown -R \(user) .", in: directory)
      }
      try body(Project(directory: directory, prefix: prefix))
    }
  }

  private func count(_ word: String, in told: [String]) -> Int { told.count { $0.hasPrefix(word) } }

  @Test("a build does what must be done, and no more", arguments: users)
  func steps(_ user: Int) throws {
    try withProject(user) { project in
      /// How many of the three programs are skipped after an edit.
      func check(
        _ name: Comment, _ edit: String = "true", make: String = "make -s", options: String = "", skipped: Int
      ) throws {
        try project.edit(edit)
        let told = try project.build(name, make: make, options: "--no-skip make \(options)")
        #expect(count("skipped", in: told) == skipped, "\(name): \(told)")
        #expect(count("unrecorded", in: told) == 0, "\(name): \(told)")
      }
      try check("first", skipped: 0)
      try check("unchanged", skipped: 3)
      try check("by two jobs", make: "make -s -j2", skipped: 3)
      // The object file is the same, and so is what is linked of it.
      try check("a comment", "echo '// comment' >> part.c", skipped: 2)
      try check("a change", "sed -i 's/return 2/return 3/' part.c", skipped: 1)
      try check("in a header", "sed -i 's/NUMBER 1/NUMBER 7/' second/header.h", skipped: 1)
      try check("touched", "touch *.c second/*", skipped: 3)
      // Which make puts into the environment, too.
      try check("another flag", make: "make -s FLAGS=-O2", skipped: 0)
      try check("as before", skipped: 3)
      try check("a header before the other", "mkdir first && echo '#define NUMBER 8' > first/header.h", skipped: 1)
      try check("which is gone again", "rm -r first", skipped: 3)
      try check("a variable that matters", options: "--env CPATH=/nonexistent", skipped: 0)
      try check("one that does not", options: "--env OLDPWD=/nonexistent", skipped: 3)
      try check("a mode that gcc sees", "chmod 600 part.c", skipped: 2)
      try check("an input that is missing", "mv part.c away.c", skipped: 1)
      try check("and there again", "mv away.c part.c", skipped: 3)
    }
  }

  @Test("a build of which nothing has changed is one step, also where some of it was", arguments: users)
  func whole(_ user: Int) throws {
    try withProject(user) { project in
      func check(_ name: Comment, _ edit: String = "true", make: String = "make -s", skipped: Int) throws {
        try project.edit(edit)
        let told = try project.build(name, make: make)
        #expect(count("skipped", in: told) == skipped, "\(name): \(told)")
        #expect(count("unrecorded", in: told) == 0, "\(name): \(told)")
      }
      try check("first", "touch -d 2001-02-03 part.c", skipped: 0)
      try check("unchanged", skipped: 1)
      try check("by a pool of jobs", make: "make -s -j2", skipped: 3)
      try check("by a pool of jobs again", make: "make -s -j2", skipped: 1)
      try check("a change", "sed -i 's/return 2/return 3/' part.c", skipped: 1)
      try check("unchanged since", skipped: 1)
      // It is newer than the others now, which make may have asked for.
      try check("and undone", "sed -i 's/return 3/return 2/' part.c", skipped: 3)
      // make asks which of its files is the newer one.
      try check("outputs that are there", "make -s CFLAGS=-O0", skipped: 0)
      try check("and again", skipped: 1)
      try check("a source that is newer", "touch part.c", skipped: 2)
      try check("and again since", skipped: 1)
      try check(
        "times in the same order",
        "sleep 0.01; touch main.c second/header.h; sleep 0.01; touch main.o part.c; sleep 0.01; touch part.o program",
        skipped: 0)
      try check(
        "recipes that make directories, links and files with times",
        """
        echo >> Makefile; cat >> Makefile <<'END'
        program: all
        all:
        \trm -rf made && mkdir -p made/deep && ln -s deep made/link && cp part.c made/deep/copy.c && ln made/deep/copy.c made/name.c
        \ttouch -d 2001-02-03 made/deep/old && chmod 750 made/deep && mv made/deep/old made/moved && printf x >> notes && sed -i s/x/y/ notes
        \tar rc made/lib.a Makefile && ranlib made/lib.a && install -m 711 notes made/notes && echo done
        END
        """, skipped: 1)
      let outcome =
        "make -s > /dev/null; stat -c \"%n %a %h %F %s\" made/* made/*/* notes; stat -c %y made/moved; sha256sum notes made/*.a"
      for _ in 0..<2 {
        let native = try CommandLine.shell(
          "rm -rf ../native && cp -a . ../native && cd ../native && (\(outcome))", in: project.project)
        #expect(try project.run(outcome).output == native.output)
      }
      let told = try project.told()
      #expect(told.first?.hasPrefix("skipped") == true, "\(told)")
    }
  }

  @Test("what one checkout has compiled another one need not, unless it would tell where it is", arguments: users)
  func elsewhere(_ user: Int) throws {
    try withProject(user) { project in
      let script =
        "cd second && gcc -I. -c -o ../main.o ../main.c && ar rc ../lib.a ../main.o && gcc -g -c -o ../debug.o ../part.c"
        + " && printf \"#include \\\"$PWD/header.h\\\"\\nint n = NUMBER;\\n\" > ../named.c && gcc -c -o ../named.o ../named.c; cd ..; sha256sum *.o *.a"
      var guests: [CommandLine.Outcome] = []
      for place in ["project", "other"] {
        try project.edit("cp -a ../project ../\(place) 2>/dev/null; true")
        let there = Project(directory: project.directory, prefix: project.prefix, name: place)
        guests.append(try there.run(script))
        let native = try CommandLine.shell(
          "cp -a ../\(place) ../kept && (\(script)); cd .. && rm -rf \(place) && mv kept \(place)", in: there.project)
        #expect(guests.last?.output == native.output, "\(place)")
        let told = try there.told()
        #expect(count("skipped", in: told) == (place == "other" ? 2 : 0), "\(told)")
      }
    }
  }

  @Test("with a clock and a seed every program is skipped that qualifies")
  func everything() throws {
    try withProject(Int(getuid())) { project in
      let script = "bash -c \"date; echo \\$RANDOM; make -s; sha256sum main.o; head -c 8 /dev/urandom | od -An -tx1\""
      let first = try project.run(script, options: "--reproducible --skip-all")
      let second = try project.run(script, options: "--reproducible --skip-all")
      #expect(first.output == second.output)
      let told = try project.told()
      #expect(count("skipped", in: told) > 0, "\(told)")
      let refused = try project.run(script, options: "--skip-all")
      #expect(refused.error.contains("--skip-all needs --reproducible"), "\(refused)")
    }
  }

  @Test("a script is one step, and what it packs", arguments: users)
  func scripts(_ user: Int) throws {
    try withProject(user) { project in
      func digests() throws -> String {
        try CommandLine.shell(
          "\(project.prefix) export --to ../out ../build/last >&2; cd ../out && find . -type f | sort | xargs sha256sum; rm -r ../out",
          in: project.project
        ).output
      }
      for _ in 0..<2 {
        _ = try project.run("cc -O1 -Ifirst -Isecond -o program main.c part.c; wc -c program", asWhole: true)
      }
      #expect(try project.told().map { $0.prefix(7) } == ["skipped"])
      let packed = "tar czf all.tar.gz *.c Makefile && echo part.c"
      let first = try project.run(packed, asWhole: true)
      let made = try digests()
      let second = try project.run(packed, asWhole: true)
      #expect(first.output == second.output && first.output.contains("part.c"), "\(first)")
      #expect(try project.told().map { $0.prefix(7) } == ["skipped"])
      #expect(try digests() == made && made.contains("all.tar.gz"), "\(made)")
      // What stands in the archive is when it was modified.
      try project.edit("touch part.c")
      _ = try project.run(packed, asWhole: true)
      #expect(try count("skipped", in: project.told()) == 0)
      // Nobody knows what it does; when it has made what it packs is told by the archive.
      for (script, reason) in [
        ("./program", "it runs"),
        ("tar czf - program | cat >all.tar.gz; ls > names; tar cf n.tar names", "it asks for the time"),
      ] {
        _ = try project.run("make -s", asWhole: true)
        for _ in 0..<2 { _ = try project.run("make -s; \(script)", asWhole: true) }
        let told = try project.told()
        #expect(count("unrecorded \(reason)", in: told) == 1, "\(script): \(told)")
      }
    }
  }

  @Test("what asks for the time is done again where it would be another")
  func clocks() throws {
    try withProject(Int(getuid())) { project in
      try project.edit("echo 1 > seconds")
      let script = "bash -c \"read n < seconds; sleep \\$n\"; sh -c date"
      func run(_ more: String = "") throws -> String {
        try project.run(script, options: "--reproducible --skip-all --no-skip bash --no-skip sleep \(more)").output
      }
      let first = try run()
      #expect(try run() == first && !first.isEmpty)
      let told = try project.told()
      #expect(count("skipped", in: told) > 0, "\(told)")
      try project.edit("echo 3 > seconds")
      let native = try CommandLine.shell(
        "\(project.prefix) run --system --no-project --quiet --build ../build --reproducible -- sh -c '\(script)'",
        in: project.project
      ).output
      #expect(try run() == native && native != first, "\(first) \(native)")
    }
  }

  @Test("what was started otherwise than before says how")
  func otherStarts() throws {
    try withProject(Int(getuid())) { project in
      let compile = "cc -O1 -Ifirst -Isecond -c -o main.o main.c"
      for (script, options, reason) in [
        (
          "cc -O2 -Ifirst -Isecond -g -c -o main.o main.c", "",
          "its arguments -O1 are gone, its arguments -O2, -g are new"
        ),
        ("cc -O1 -Isecond -Ifirst -c -o main.o main.c", "", "its arguments stand in another order"),
        ("CPATH=/a; export CPATH; \(compile)", "", "the variable CPATH is new"),
        ("umask 77; \(compile)", "", "its user or umask is another"),
        (compile, "--times squashed", "the run has other options"),
        ("\(compile) < main.c > said", "", "its standard input or output is of another kind"),
      ] {
        try project.edit("rm -rf ../cache")
        _ = try project.run(compile)
        _ = try project.run(script, options: options)
        let told = try project.told()
        #expect(told.contains { $0.hasPrefix("unskipped \(reason)") }, "\(script): \(told)")
      }
    }
  }

  @Test("what failed fails again, with its messages, and is told apart from what was killed")
  func failures() throws {
    try withProject(Int(getuid())) { project in
      try project.edit("echo 'int part(void) { return x; }' > part.c")
      let first = try project.build("an error", make: "cc -c part.c")
      let second = try project.build("the same error", make: "cc -c part.c")
      #expect(first.count == 1 && first[0].hasPrefix("unskipped there is no record of it"), "\(first)")
      #expect(second.count == 1 && count("skipped", in: second) == 1, "\(second)")
      let killed = "sleep 100 & sleep 0.2; kill -9 $!; wait $!; echo $?"
      for skipped in 0...1 {
        #expect(try project.run(killed, options: "--skip sleep").output == "137\n")
        // The one that came to its end.
        #expect(try count("skipped", in: project.told()) == skipped)
      }
    }
  }

  @Test("what stood there before is replaced, by what would have stood there then")
  func outputs() throws {
    try withProject(Int(getuid())) { project in
      // ar reads what it replaces; a file that is open, or has another name, is another matter; so is what begins with a time.
      let script = """
        make -s && ar rc new.a part.o && ar rc new.a main.o && ln part.o name.o && cc -O2 -c -o part.o part.c && cmp part.o name.o;
        exec 3< main.o; cc -O2 -Isecond -c -o main.o main.c; sha256sum < main.o; cat <&3 | sha256sum; exec 3<&-;
        printf "char s[] = __DATE__;" > time.c; cc -c time.c; umask 077; cc -c -o new.o part.c; stat -c "%a %h" *.o; sha256sum *.o *.a
        """
      let native = try CommandLine.shell("cp -a . ../native && cd ../native && (\(script))", in: project.project)
      for _ in 0..<3 { #expect(try project.run(script).output == native.output) }
      let told = try project.told()
      #expect(told.contains { $0.contains("time.c asks for the time of the day") }, "\(told)")
      #expect(count("skipped", in: told) == 4, "\(told)")
    }
  }

  @Test("a run tells why it ran what it could have skipped, and what it skipped", arguments: users)
  func reports(_ user: Int) throws {
    try withProject(user) { project in
      // Each compiler is looked up for itself.
      let own = "--no-skip make --no-skip sh"
      func inspect(_ what: String) throws -> String {
        let outcome = try CommandLine.shell("\(project.prefix) inspect \(what)", in: project.project)
        #expect(outcome.status == 0 && outcome.error == "", "\(outcome)")
        return outcome.output
      }
      func objects(_ what: String) throws -> [[String: Any]] {
        try inspect("\(what) --format json").split(separator: "\n").map {
          try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
      }
      func pids(_ processes: Any?) -> [Int] {
        (processes as? [[String: Any]] ?? []).compactMap { $0["pid"] as? Int }.sorted()
      }
      _ = try project.run("make -s", options: own)
      let first = try objects("misses ../build/last")
      #expect(first.count == 1 && first[0]["type"] as? String == "unknown", "\(first)")
      #expect(first[0]["program"] as? String == "cc" && first[0]["count"] as? Int == 3, "\(first)")
      #expect(try inspect("skips ../build/last").hasSuffix(" programs ran, 0 were skipped\n"))

      let origin = try CommandLine.shell("realpath ../build/last", in: project.project).output.dropLast()
      _ = try project.run("make -s", options: own)
      #expect(try inspect("misses ../build/last") == "nothing ran that may be skipped\n")
      let skips = try objects("skips ../build/last")
      #expect(skips.count == 3)
      for skip in skips {
        #expect(skip["origin"] as? String == String(origin), "\(skip)")
        #expect((skip["command"] as? [String])?.first == "cc", "\(skip)")
        let (took, saved) = (skip["took"] as? Int ?? 0, skip["saved"] as? Int ?? 0)
        #expect(took > 0 && (0...took).contains(saved), "\(skip)")
        // There it is the process that was started with these arguments.
        let there = try objects("procs \(origin)").first { $0["pid"] as? Int == skip["process"] as? Int }
        let program = (there?["programs"] as? [[String: Any]])?.first
        #expect(
          program?["arguments"] as? [String] == skip["command"] as? [String], "\(skip) \(String(describing: there))")
      }

      // One cause: who asked for it, and who asked for what came of that.
      try project.edit("echo 'int other;' >> part.c")
      _ = try project.run(
        "make -s; echo \"int more;\" >> second/header.h; rm main.o main.d; cc -O1 -Ifirst -Isecond -MMD -c -o main.o main.c",
        options: own)
      let causes = try objects("misses ../build/last")
      #expect(causes.map { $0["type"] as? String } == ["changed", "changed"], "\(causes)")
      let part = try #require(causes.first { ($0["path"] as? String)?.hasSuffix("/part.c") == true }, "\(causes)")
      #expect(part["change"] as? String == "has other contents" && part["source"] as? Bool == true, "\(part)")
      #expect(
        part["count"] as? Int == 2 && pids(part["processes"]).count == 1 && pids(part["followers"]).count == 1,
        "\(part)")
      #expect(part["writer"] is NSNull, "\(part)")
      #expect(
        (part["was"] as? String)?.hasPrefix("file 100644 ") == true && part["was"] as? String != part["now"] as? String,
        "\(part)")
      let header = try #require(
        causes.first { ($0["path"] as? String)?.hasSuffix("/second/header.h") == true }, "\(causes)")
      #expect(header["source"] as? Bool == false, "\(header)")
      let writer = try objects("procs ../build/last").first { $0["pid"] as? Int == header["writer"] as? Int }
      #expect(
        (writer?["programs"] as? [[String: Any]])?.first?["executable"] as? String != nil,
        "\(String(describing: writer))")
      let text = try inspect("misses ../build/last")
      for line in [
        "/part.c has other contents\n", "in the sources, not by this run\n",
        "1 of them, as what these made is another:\n",
      ] {
        #expect(text.contains(line), "\(text)")
      }

      // A name that was missing and is there, one that is not any more, and what cannot be recorded.
      try project.edit("mkdir first; echo '#define NUMBER 8' > first/header.h; sed -i '$d' part.c")
      _ = try project.run(
        "make -s; printf \"char s[] = __DATE__;\" > time.c; cc -c time.c; rm part.c part.o; cc $FLAGS -c -o part.o part.c",
        options: own)
      let more = try objects("misses ../build/last")
      let appeared = more.first {
        ($0["path"] as? String)?.hasSuffix("/first") == true
          || ($0["path"] as? String)?.hasSuffix("/first/header.h") == true
      }
      #expect(appeared?["was"] as? String == "missing" && appeared?["change"] as? String == "is there now", "\(more)")
      let gone = more.first {
        ($0["path"] as? String)?.hasSuffix("/part.c") == true && $0["now"] as? String == "missing"
      }
      #expect(gone?["change"] as? String == "is not there any more" && gone?["writer"] as? Int != nil, "\(more)")
      let unrecorded = more.first { $0["type"] as? String == "unrecorded" }
      let place = (unrecorded?["processes"] as? [[String: Any]])?.first?["path"] as? String
      #expect(
        unrecorded?["reason"] as? String == "FILE asks for the time of the day" && place?.hasSuffix("/time.c") == true,
        "\(more)")
      let summary = try CommandLine.shell(
        "\(project.prefix) run --system --no-project --summary \(own) --build ../build --cache ../cache -- make -s",
        in: project.project)
      #expect(summary.error.contains(" skipped, which had taken "), "\(summary)")
    }
  }

  @Test("what is read from standard input is no file's contents")
  func standardInput() throws {
    try withProject(Int(getuid())) { project in
      let script = """
        for text in one two; do echo $text | head -n 1; head -n 1 part.c < /dev/null; as -o e.o < /dev/null; echo $?; done;
        echo "int a;" | cc -xc -c -o stdin.o -; sha256sum stdin.o; echo .globl x | as -o x.o; sha256sum *.o
        """
      let native = try CommandLine.shell("cp -a . ../native && cd ../native && (\(script))", in: project.project)
      for _ in 0..<2 {
        #expect(try project.run(script, options: "--skip head").output == native.output)
      }
      let told = try project.told()
      #expect(count("unrecorded it reads its standard input", in: told) == 2, "\(told)")
      #expect(count("unrecorded it may read its standard input", in: told) == 2, "\(told)")
      #expect(count("skipped", in: told) == 4, "\(told)")
    }
  }

  @Test("random edits give what a build of their own gives")
  func randomEdits() throws {
    try withProject(Int(getuid())) { project in
      var generator = SystemRandomNumberGenerator()
      var history: [String] = []
      let edits = [
        "echo '// more' >> main.c", "sed -i 's/return [0-9]*/return {}/' part.c",
        "echo '#define NUMBER {}' > second/header.h",
        "mkdir -p first; echo '#define NUMBER 9{}' > first/header.h", "rm -rf first", "touch main.c",
        "cp part.c other.c; mv other.c part.c",
        "echo 'int part(void) { return {}; }' > part.c", "echo 'syntax {}' >> part.c", "chmod 6{}4 main.c",
      ]
      for _ in 0..<14 {
        let edit = edits.randomElement(using: &generator)!
          .replacingOccurrences(of: "{}", with: "\(Int.random(in: 0...3, using: &generator))")
        history.append(edit)
        try project.edit(edit)
        let flags = ["", "-O1", "-O2"].randomElement(using: &generator)!
        history.append("make FLAGS=\(flags)")
        _ = try project.build("\(history.joined(separator: "; "))", make: "make -s FLAGS=\(flags)")
      }
    }
  }

  @Test("what is damaged in the cache is as if it were not there")
  func damage() throws {
    try withProject(Int(getuid())) { project in
      _ = try project.build("first")
      for damage in [
        // Swapped contents, cut ones, a record that says something else, none at all, strange files.
        "set -- ../cache/contents/*/*; cat $2 > x; chmod u+w $1 $2; cat $1 > $2; cat x > $1; rm x",
        "chmod u+w ../cache/contents/*/*; for file in ../cache/contents/*/*; do truncate -s 10 $file; done",
        "chmod u+w ../cache/records/*/*/*; for file in ../cache/records/*/*/*; do sed -i 's/^status.*/status\\t0/' $file; echo >> $file; done",
        "rm ../cache/contents/*/*", "rm -r ../cache/records",
        "for file in ../cache/records/*/*/*; do rm $file; mkdir $file; done",
        "echo rubbish > ../cache/digests; rm -rf ../cache/contents",
      ] {
        try project.edit(damage)
        _ = try project.build("\(damage)")
      }
      #expect(try count("skipped", in: project.build("whole again")) == 1)
      try project.edit("chmod 777 ../cache")
      let refused = try project.run("true")
      #expect(refused.error.contains("is not yours alone"), "\(refused)")
    }
  }
}
