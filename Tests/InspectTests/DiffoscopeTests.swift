import Foundation
import Testing

@testable import Inspect

@Suite("diffoscope")
struct DiffoscopeTests {
  private static func report(_ script: String, patience: Int = 60) throws -> String {
    let program = NSTemporaryDirectory() + "uwrx-diffoscope-\(UUID().uuidString)"
    try "#!/bin/sh\n\(script)\n".write(toFile: program, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: program) }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    while true {
      let report = Diffoscope(program: program, patience: patience).report(Array("/one\0".utf8), Array("/two\0".utf8))
      let text = String(decoding: report, as: UTF8.self)
      // What another test starts has the file open until its execve(2).
      if !text.contains("Text file busy") { return text }
    }
  }

  @Test(
    "what it says is passed on, and how it fails",
    arguments: [
      ("echo \"$@\"; exit 1", "--text - --no-progress -- /one /two"),
      ("echo some; echo bad >&2; exit 2", "some\n(diffoscope failed with status 2: bad)"),
      ("echo warning >&2; echo seen; exit 1", "seen"),
      ("ulimit -c 0; kill -FPE $$", "(diffoscope was ended by signal 8)"),
      ("exit 3", "(diffoscope failed with status 3)"), ("cat; exit 1", ""),
      // As the kernel ends what takes too much memory.
      ("echo some; kill -KILL $$", "some\n(diffoscope was ended by signal 9)"),
      // What it has left behind keeps the pipes open.
      ("echo some; sleep 1000 & exit 1", "some"),
      ("exec 3>&1; sleep 1000 >&2 & echo some; echo bad >&2; exit 2", "some\n(diffoscope failed with status 2: bad)"),
      ("exec >&- 2>&-; kill -KILL $$", "(diffoscope was ended by signal 9)"),
    ])
  func reports(_ script: String, _ expected: String) throws {
    let report = try Self.report(script)
    #expect(report == expected)
  }

  @Test("it is ended with what it has started, after its time or when it talks too much")
  func bounds() throws {
    #expect(
      try Self.report("echo start; sleep 1000 & sleep 1000", patience: 1)
        == "start\n(diffoscope was ended after 1 seconds)")
    let loud = try Self.report("yes bad | head -c 1000000 >&2; exit 2")
    #expect(loud.hasPrefix("(diffoscope failed with status 2: ") && loud.utf8.count < 5000)
    let long = try Self.report("yes")
    #expect(long.hasSuffix("(diffoscope has more to say: this is the first MiB)") && long.utf8.count < 3 << 20)
  }
}
