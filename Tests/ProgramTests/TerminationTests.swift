import Foundation
import Glibc
import Testing

extension UnderUwrx {
  /// What ends uwrx ends the tree, and nothing is left: no process, no mount, no temporary file.
  @Suite("Ends")
  struct TerminationTests {
    struct Ending: Sendable, CustomTestStringConvertible {
      let name: String
      let signal: Int32
      let toGroup: Bool
      let identity: Identity
      var testDescription: String { "\(name) as \(identity)" }
      static let all = ordinaryIdentities.flatMap { identity in
        [
          Ending(name: "Ctrl-C", signal: SIGINT, toGroup: true, identity: identity),
          Ending(name: "SIGTERM", signal: SIGTERM, toGroup: false, identity: identity),
          Ending(name: "SIGHUP", signal: SIGHUP, toGroup: false, identity: identity),
          Ending(name: "SIGKILL", signal: SIGKILL, toGroup: false, identity: identity),
        ]
      }
    }

    /// A child, a grandchild, a daemon in a session of its own that ignores signals, a mapped file, files in /tmp.
    private static let tree = """
      sh -c 'sleep 600; :' $0 & (sh -c 'sleep 600; :' $0; :) &
      (setsid sh -c 'trap "" TERM INT HUP; while :; do sleep 1; done' $0 &)
      mkdir /tmp/folder; echo text > /tmp/folder/file; echo text > written
      echo ready; wait
      """

    @Test("with everything", arguments: Ending.all)
    func leavesNothing(_ ending: Ending) throws {
      let workspace = try Workspace(ending.identity)
      let before = snapshot(of: workspace.work)
      let host = HostState()
      let marker = "uwrx-marker-\(UInt32.random(in: 0 ... .max))"
      let child = try workspace.start([], ["sh", "-c", Self.tree, marker])
      try #require(child.waits(for: "ready", seconds: 30), "\(child.errors)")
      let tree = HostProcess.descendants(of: child.pid).map(\.pid)
      #expect(tree.count >= 4)
      child.send(ending.signal, toGroup: ending.toGroup)
      let outcome = child.finish(within: 40)
      #expect(!outcome.timedOut, "did not end")
      #expect(outcome.status != 0)
      // The kernel ends a pid namespace a moment after its init.
      for _ in 0..<50 where !HostProcess.mentioning(marker).isEmpty { usleep(100_000) }
      #expect(HostProcess.mentioning(marker) == [], "processes were left")
      let alive = HostProcess.all().filter { !$0.isZombie && tree.contains($0.pid) }.map(\.pid)
      #expect(alive == [], "processes were left")
      #expect(host.differences(temporaryDirectory: workspace.temporary) == [])
      #expect(snapshot(of: workspace.work) == before)
    }

    @Test("a program may tidy up on SIGTERM", arguments: ordinaryIdentities)
    func inOrder(_ identity: Identity) throws {
      let workspace = try Workspace(identity)
      let child = try workspace.start(
        [],
        ["sh", "-c", "trap 'echo tidy > tidied; echo tidying; exit 3' TERM; echo ready; while :; do sleep 0.1; done"])
      try #require(child.waits(for: "ready", seconds: 30), "\(child.errors)")
      child.send(SIGTERM)
      let outcome = child.finish(within: 30)
      #expect(outcome.text == "ready\ntidying\n")
      #expect(workspace.written("tidied").count == 1, "what it wrote is kept")
    }

    /// What a command has left, by what it does at SIGTERM: the second Ctrl-C does not ask.
    @Test(
      "when others go on, that is said, and Ctrl-C ends them", arguments: ordinaryIdentities,
      ["", "trap '' TERM INT;"])
    func survivors(_ identity: Identity, _ trap: String) throws {
      let workspace = try Workspace(identity)
      let marker = "uwrx-marker-\(UInt32.random(in: 0 ... .max))"
      let script = "(setsid sh -c \"\(trap) while :; do sleep 1; done\" \(marker) >/dev/null 2>&1 </dev/null &); exit 3"
      let child = try workspace.start([], ["sh", "-c", script])
      try #require(child.waits(for: "go on", seconds: 30, inErrors: true), "\(child.errors)")
      #expect(child.errors.contains("the command has ended with 3"))
      child.send(SIGINT)
      if !trap.isEmpty {
        // Two that are pending at a time are one.
        usleep(300_000)
        child.send(SIGINT)
      }
      let outcome = child.finish(within: 30)
      #expect(outcome.status == 3)
      #expect(outcome.errorText.split(separator: "\n").count { $0.contains("go on") } == 1, "\(outcome.errorText)")
      for _ in 0..<50 where !HostProcess.mentioning(marker).isEmpty { usleep(100_000) }
      #expect(HostProcess.mentioning(marker) == [], "processes were left")
    }

    @Test("with --quiet nothing is said of others that go on", arguments: ordinaryIdentities)
    func quietSurvivors(_ identity: Identity) throws {
      let workspace = try Workspace(identity)
      let outcome = try workspace.run(
        ["--quiet"], ["sh", "-c", "(setsid sleep 2 >/dev/null 2>&1 </dev/null &)"], within: 30)
      #expect(outcome.status == 0)
      #expect(outcome.errorText == "")
    }

    @Test("a daemon is waited for, with its files", arguments: ordinaryIdentities)
    func daemon(_ identity: Identity) throws {
      let workspace = try Workspace(identity)
      // It holds none of our pipes, so only uwrx can be what waits.
      let daemon =
        "(setsid sh -c 'sleep 2; echo late > from-the-daemon' > /dev/null 2>&1 < /dev/null &); echo command ends"
      let outcome = try workspace.run([], ["sh", "-c", daemon], within: 30)
      #expect(outcome.status == 0)
      #expect(outcome.text == "command ends\n")
      #expect(workspace.written("from-the-daemon").count == 1)
    }
  }
}

extension UnderUwrx {
  /// Several runs at once in one build directory.
  @Suite("Runs at once")
  struct ParallelRunTests {
    @Test("do not disturb each other", arguments: ordinaryIdentities)
    func apart(_ identity: Identity) throws {
      let workspace = try Workspace(identity)
      try "lower\n".write(toFile: workspace.work + "/shared", atomically: false, encoding: .utf8)
      try workspace.giveAway()
      let before = snapshot(of: workspace.work)
      let shell = """
        [ "$(cat shared)" = lower ] || { echo "saw another run"; exit 1; }
        i=0; while [ $i -lt 100 ]; do
          echo $0 $i > shared; echo $0 > /tmp/same; mkdir -p d$i && echo $0 > d$i/f
          [ "$(cat shared)" = "$0 $i" ] && [ "$(cat /tmp/same)" = $0 ] && [ "$(ls d$i)" = f ] || { echo mixed; exit 1; }
          i=$((i + 1))
        done
        echo $0 > only-$0; [ "$(ls | grep -c only-)" = 1 ] || { echo "saw another run's file"; exit 1; }
        """
      let names = ["a", "b", "c", "d"]
      let children = try names.map { try workspace.start([], ["sh", "-c", shell, $0]) }
      for (name, child) in zip(names, children) {
        let outcome = child.finish(within: 120)
        #expect(outcome.status == 0, "\(name): \(outcome.text) \(outcome.errorText.suffix(500))")
      }
      #expect(snapshot(of: workspace.work) == before)
      // One step for each, with its own files in it and no other's.
      var steps: Set<Substring> = []
      for name in names {
        let files = workspace.written("only-\(name)")
        #expect(files.count == 1, "\(name): \(files)")
        guard let file = files.first, let step = file.split(separator: "/").first else { continue }
        steps.insert(step)
        // Each of the hundred was read, and so kept: the index tells where the last is.
        let trace = workspace.build + "/" + file[..<file.range(of: "/files")!.lowerBound]
        let last = (readFile(trace + "/files.index") ?? "").split(separator: "\n").map { $0.split(separator: "\t") }
          .first { $0[0].hasSuffix("/shared") }
        if let last, last.count > 1 {
          #expect(readFile("\(trace)/\(last[1])/\(last[0])") == "\(name) 99\n")
        } else {
          Issue.record("no version of the shared file")
        }
      }
      #expect(steps.count == names.count)
    }
  }
}
