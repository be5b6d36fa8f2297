import Testing

/// Processes that are stopped, and whose shell has ended: natively the kernel sends them SIGHUP and SIGCONT.
@Suite("stopped jobs that are left behind")
struct StrandedTests {
  @Test(
    "the run ends with them",
    arguments: [
      ("sleep 1000 & kill -STOP $!", ""),
      ("sh -m -c 'sleep 1000 & kill -STOP $!'; sleep 0.1; echo over", "over\n"),
      ("sleep 1000 & sleep 1000 & kill -STOP $!; kill -STOP %1", ""),
      // Whoever does not end at SIGHUP goes on.
      ("nohup sh -c 'kill -STOP $$; echo on' & sleep 0.3; echo over", "over\non\n"),
      ("sh -c 'trap \"echo hup\" HUP; kill -STOP $$; echo on' & sleep 0.3; echo over", "over\nhup\non\n"),
      // Who is alive may yet continue the other.
      ("sh -c 'kill -STOP $$; echo continued' & p=$!; (sleep 1; kill -CONT $p) & echo over", "over\ncontinued\n"),
      ("setsid sh -c 'kill -STOP $$' & (sleep 0.5; kill -STOP $(exec sh -c 'echo $PPID')) & :", ""),
      // A process whose first thread has ended is alive.
      (
        "sleep 1000 & kill -STOP $!; python3 -c 'import threading, time, ctypes; threading.Thread(target=lambda: (time.sleep(1), print(\"thread\", flush=True))).start(); ctypes.CDLL(None).pthread_exit(None)' & echo over",
        "over\nthread\n"
      ),
    ])
  func ends(_ script: String, _ output: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.run(
        ["run", "--quiet", "--system", "--timeout", "30", "--", "bash", "-c", script + " 2> errors"], in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output == output)
    }
  }
}
