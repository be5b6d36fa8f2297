import Glibc

/// Writes a line to standard error; `stderr` itself is a mutable global of C's, which clashes with strict concurrency.
func printError(_ message: String) {
  var line = "uwrx: \(message)\n"
  line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
