import Glibc
import Tracing

/// Writes a line to standard error; `stderr` itself is a mutable global of C's, which clashes with strict concurrency.
/// - Parameter message: may quote names of any kind.
func printError(_ message: String) {
  // Nobody may be there to read it, and the exit status tells how the run has ended all the same. The guest inherits what is ignored.
  let disposition = signal(SIGPIPE, SIG_IGN)
  defer { signal(SIGPIPE, disposition) }
  var line = "uwrx: \(Escaping.shown(message))\n"
  line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}

/// Writes a message of several lines, none of which quotes what may have a newline itself.
func printErrorLines(_ message: String) {
  for line in message.split(separator: "\n") { printError(String(line)) }
}
