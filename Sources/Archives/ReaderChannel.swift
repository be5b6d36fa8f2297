import CLinux
import Glibc
import SystemPackage

/// What the supervisor and the child that reads an archive say to one another: a kind, a number, and bytes.
final class ReaderChannel {
  enum Kind: UInt32 {
    /// Asked of the child: is the archive compressed, its entries, its decompressed bytes, a file's contents (`value` is its
    /// number, the bytes are its path).
    case probe, index, unpack, copy
    /// Its answers: an extended attribute of the next entry (`value` is the length of its name), an entry (`value` is the length of
    /// its path; a node, the path and the target follow), another name of a file, a piece (`value` is its offset), the end, a
    /// failure (`value` is an errno, or the bytes are a message).
    case attribute, entry, link, piece, end, failed
  }

  struct Message {
    var kind: Kind
    var value: Int64
    var bytes: ArraySlice<UInt8>
  }

  private let socket: FileDescriptor
  private var output: [UInt8] = []
  private var input: [UInt8] = []
  private var unread: Range<Int> = 0..<0

  private static let headerSize = 16
  /// Longer than any name or piece of an honest archive.
  private static let longest = 4 << 20
  private static let bufferSize = 1 << 18
  /// Seconds without a word after which a child is taken to hang.
  private static let patience: Int32 = 60

  init(_ socket: FileDescriptor) { self.socket = socket }

  // MARK: Sending

  func send(_ kind: Kind, _ value: Int64, _ parts: [UnsafeRawBufferPointer] = []) throws(Errno) {
    let length = parts.reduce(0) { $0 + $1.count }
    guard length <= Self.longest else { throw .fileTooLarge }
    withUnsafeBytes(of: kind.rawValue) { output += $0 }
    withUnsafeBytes(of: UInt32(length)) { output += $0 }
    withUnsafeBytes(of: value) { output += $0 }
    for part in parts { output += part }
    if output.count >= Self.bufferSize { try flush() }
  }

  func flush() throws(Errno) {
    var done = 0
    while done < output.count {
      let count = output.withUnsafeBytes {
        Glibc.send(socket.rawValue, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
      }
      if count < 0, uwrx_errno() == EINTR { continue }
      guard count > 0 else { throw Errno(rawValue: uwrx_errno()) }
      done += count
    }
    output.removeAll(keepingCapacity: true)
  }

  // MARK: Receiving

  /// - Parameter mayWait: for ever, as the child does.
  /// - Returns: nil at the end, or for what is no message.
  /// - Throws: `timedOut`.
  func receive(mayWait: Bool = false) throws(Errno) -> Message? {
    guard try fill(Self.headerSize, mayWait) else { return nil }
    let (kind, length, value) = input.withUnsafeBytes {
      (
        $0.loadUnaligned(fromByteOffset: unread.lowerBound, as: UInt32.self),
        Int($0.loadUnaligned(fromByteOffset: unread.lowerBound + 4, as: UInt32.self)),
        $0.loadUnaligned(fromByteOffset: unread.lowerBound + 8, as: Int64.self)
      )
    }
    guard let kind = Kind(rawValue: kind), length <= Self.longest else { return nil }
    guard try fill(Self.headerSize + length, mayWait) else { return nil }
    let start = unread.lowerBound + Self.headerSize
    unread = start + length..<unread.upperBound
    return Message(kind: kind, value: value, bytes: input[start..<start + length])
  }

  /// Reads until so many bytes are there.
  private func fill(_ wanted: Int, _ mayWait: Bool) throws(Errno) -> Bool {
    while unread.count < wanted {
      if unread.lowerBound > 0 {
        input.replaceSubrange(0..<input.count, with: Array(input[unread]))
        unread = 0..<unread.count
      }
      let size = max(wanted, Self.bufferSize)
      if input.count < size { input += [UInt8](repeating: 0, count: size - input.count) }
      if !mayWait {
        var polled = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
        let ready = poll(&polled, 1, Self.patience * 1000)
        if ready == 0 { throw .timedOut }
        if ready < 0 { continue }
      }
      let end = unread.upperBound
      let count = input.withUnsafeMutableBytes { Glibc.read(socket.rawValue, $0.baseAddress! + end, $0.count - end) }
      if count < 0, uwrx_errno() == EINTR { continue }
      guard count > 0 else { return false }
      unread = unread.lowerBound..<end + count
    }
    return true
  }
}
