import Glibc

/// Writes a line to standard error; `stderr` itself is a mutable global of C's, which clashes with strict concurrency.
func printError(_ message: String) {
  // Nobody may be there to read it, and the exit status tells how the run has ended all the same. The guest inherits what is ignored.
  let disposition = signal(SIGPIPE, SIG_IGN)
  defer { signal(SIGPIPE, disposition) }
  var line = "uwrx: \(message)\n"
  line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
