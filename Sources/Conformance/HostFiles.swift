import Glibc

func fileContents(_ path: String) -> [UInt8]? {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(file, &buffer, buffer.count)
    if count < 0, errno == EINTR { continue }
    if count < 0 { return nil }
    if count == 0 { return bytes }
    bytes += buffer[..<count]
  }
}

/// Writes a whole file; on an error what was written stays.
public func writeFile(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws(ConformanceError) {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard file >= 0 else { throw ConformanceError("cannot write \(path): \(String(cString: strerror(errno)))") }
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + done, bytes.count - done) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else {
      let error = errno
      close(file)
      throw ConformanceError("cannot write \(path): \(String(cString: strerror(error)))")
    }
    done += count
  }
  guard close(file) == 0 else { throw ConformanceError("cannot write \(path): \(String(cString: strerror(errno)))") }
}

func lastComponent(_ path: String) -> String {
  String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
}

func makeDirectory(_ path: String) throws(ConformanceError) {
  guard mkdir(path, 0o755) == 0 else {
    throw ConformanceError("cannot make \(path): \(String(cString: strerror(errno)))")
  }
}
