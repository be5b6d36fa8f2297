import Glibc
import Inspect
import SystemPackage
import Tracing

// What uwrx itself says on standard output. C's own streams, and `print` with them, may lose what cannot be written: theirs is a failure that is
// only kept until the next piece.

/// Writes at once: an interruption must not lose what has been said.
/// - Throws: what write(2) failed with. Where nothing else is done about it, it ends uwrx: see `outputStatus(_:)`.
func printOutput(_ text: String, to file: FileDescriptor = .standardOutput) throws(Errno) {
  let output = OutputBuffer(file)
  output.append(text)
  try output.flush()
}

/// Writes a line.
/// - Parameter message: may quote names of any kind.
func printMessage(_ message: String) throws(Errno) { try printOutput(Escaping.shown(message) + "\n") }

/// How uwrx ends when its output cannot be written.
/// - Returns: the exit status.
func outputStatus(_ failure: Errno) -> Int32 {
  // Who reads has seen enough.
  if failure == .brokenPipe { return 128 + SIGPIPE }
  printError("cannot write to standard output: \(failure)")
  return 125
}
