import Glibc

/// Both ends close on exec.
struct Pipe {
  private(set) var readEnd: Int32
  private(set) var writeEnd: Int32
  var isOpen: Bool { readEnd >= 0 }

  init() throws(ConformanceError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw ConformanceError("no pipe: \(String(cString: strerror(errno)))") }
    (readEnd, writeEnd) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  /// One read of what poll says is there; the read end closes at the end of the data.
  mutating func drain(into bytes: inout [UInt8]) {
    let count = withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
      let count = read(readEnd, buffer.baseAddress!, buffer.count)
      // A program that prints without end is judged by its first megabytes.
      if count > 0 && bytes.count < 8 << 20 { bytes.append(contentsOf: buffer[..<count]) }
      return count
    }
    if count == 0 || (count < 0 && errno != EINTR) { closeReadEnd() }
  }

  mutating func closeReadEnd() {
    if readEnd >= 0 { Glibc.close(readEnd) }
    readEnd = -1
  }

  mutating func closeWriteEnd() {
    if writeEnd >= 0 { Glibc.close(writeEnd) }
    writeEnd = -1
  }

  mutating func close() {
    closeReadEnd()
    closeWriteEnd()
  }
}
