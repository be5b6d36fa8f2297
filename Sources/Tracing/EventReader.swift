import Glibc
import SystemPackage

/// Streams the events of a trace with bounded memory.
public final class EventReader {
  private let file: FileDescriptor
  private var buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  /// What was read so far, in bytes.
  public private(set) var offset = 0
  /// Whether the file ends in the middle of a record or with one that makes no sense.
  public var isDamaged: Bool { isNonsense || isCutOff }
  private var isNonsense = false
  private var isCutOff = false

  public init(path: String) throws(Errno) {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    file = FileDescriptor(rawValue: descriptor)
    buffer = .allocate(byteCount: 1 << 18, alignment: 8)
  }

  deinit {
    buffer.deallocate()
    close(file.rawValue)
  }

  /// The next event; its name is valid until the next call.
  /// - Returns: nil at the end. While the run goes on more may have come by the next call.
  /// - Throws: what read(2) failed with.
  public func next() throws(Errno) -> (Event, UnsafeBufferPointer<UInt8>)? {
    guard !isNonsense else { return nil }
    isCutOff = false
    guard try fill(MemoryLayout<Event>.size) else { return nil }
    let event = buffer.load(fromByteOffset: start, as: Event.self)
    guard event.kind != 0 else {
      // Its writer may fill what was read as zeros.
      end = start
      return nil
    }
    guard EventKind(rawValue: event.kind) != nil else {
      isNonsense = true
      return nil
    }
    let size = MemoryLayout<Event>.size + (Int(event.nameLength) + 7) & ~7
    guard try fill(size) else { return nil }
    let name = UnsafeBufferPointer(
      start: (buffer.baseAddress! + start + MemoryLayout<Event>.size).assumingMemoryBound(to: UInt8.self),
      count: Int(event.nameLength))
    start += size
    offset += size
    return (event, name)
  }

  private func fill(_ count: Int) throws(Errno) -> Bool {
    if end - start >= count { return true }
    memmove(buffer.baseAddress!, buffer.baseAddress! + start, end - start)
    end -= start
    start = 0
    while end < count {
      let got = pread(file.rawValue, buffer.baseAddress! + end, buffer.count - end, offset + end)
      if got < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      if got == 0 {
        isCutOff = end > 0
        end = 0
        return false
      }
      end += got
    }
    return true
  }
}
