import Glibc

/// An extended regular expression (regex(7)) that a whole line must match.
final class WholeLinePattern {
  private let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)

  init(_ pattern: String) throws(ConformanceError) {
    guard regcomp(compiled, "^(\(pattern))$", REG_EXTENDED | REG_NOSUB) == 0 else {
      compiled.deallocate()
      throw ConformanceError("not an extended regular expression: \(pattern)")
    }
  }

  deinit {
    regfree(compiled)
    compiled.deallocate()
  }

  func matches(_ line: ArraySlice<UInt8>) -> Bool {
    // regexec would take what is before a NUL for the whole line.
    if line.contains(0) { return false }
    return (Array(line) + [0]).withUnsafeBufferPointer {
      $0.withMemoryRebound(to: CChar.self) { regexec(compiled, $0.baseAddress!, 0, nil, 0) == 0 }
    }
  }
}
