import Glibc
import RemoteCache

/// Makes a pair of keys: the private one at a path, for its owner alone, and the public one beside it, with `.pub`.
/// - Returns: how the process is to end.
func makeKey(_ path: String) -> Int32 {
  func fail(_ reason: String) -> Int32 {
    let line = Array("uwrx: \(reason)\n".utf8)
    write(2, line, line.count)
    return 125
  }
  guard let pair = RecordKey.make() else { return fail("cannot make a key") }
  for (path, bytes, mode) in [(path, pair.privateKey, 0o600), (path + ".pub", pair.publicKey, 0o644)]
    as [(String, [UInt8], mode_t)]
  {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { return fail("cannot make \(path): \(String(cString: strerror(errno)))") }
    guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0, close(file) == 0 else {
      return fail("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }
  print("\(path) signs what is uploaded, and \(path).pub verifies it: uwrx run --cache-key")
  return 0
}
