import Reproducibility
import SystemPackage

/// GRND_NONBLOCK, GRND_RANDOM and GRND_INSECURE (include/uapi/linux/random.h).
private let known: UInt32 = 0x7
private let excludingEachOther: UInt32 = 0x6
/// MAX_RW_COUNT: what one call gives at most.
private let most: UInt64 = 0x7fff_f000

extension Syscalls {
  /// getrandom(2) in a run with a seed.
  @Sendable static func getrandom(_ call: Call) throws(Errno) -> Outcome {
    let (address, length) = (call.arguments.0, min(call.arguments.1, most))
    let flags = UInt32(truncatingIfNeeded: call.arguments.2)
    guard flags & ~known == 0, flags & excludingEachOther != excludingEachOther else { throw .invalidArgument }
    guard let identity = call.thread.group.identity else { throw .noFunction }
    if length > UInt64(RandomFill.pieceSize) {
      return .blocked(on: RandomFill(call, identity.openDevice(), address, Int(length)))
    }
    var written: Result<Int, Errno> = .success(0)
    withUnsafeTemporaryAllocation(byteCount: Int(length), alignment: 8) { bytes in
      identity.fill(bytes)
      do throws(Errno) {
        written = .success(
          try writePages(UnsafeRawBufferPointer(bytes), to: call.kernel.memory, of: call.thread.id, at: address))
      } catch { written = .failure(error) }
    }
    return .value(Int64(try written.get()))
  }
}

/// As the kernel, which tells of a bad address only if nothing was written before it.
/// - Returns: how many bytes were written.
private func writePages(
  _ bytes: UnsafeRawBufferPointer, to memory: any GuestMemory, of thread: AbsTid, at address: UInt64
) throws(Errno) -> Int {
  var written = 0
  while written < bytes.count {
    let start = address &+ UInt64(written)
    let count = min(bytes.count - written, 4096 - Int(start % 4096))
    do throws(Errno) {
      try memory.write(thread, at: start, UnsafeRawBufferPointer(rebasing: bytes[written..<written + count]))
    } catch {
      if written == 0 { throw error }
      break
    }
    written += count
  }
  return written
}

/// What is too much to be made while others wait for an answer.
private final class RandomFill: BlockingWork, @unchecked Sendable {
  static let pieceSize = 16384

  private let memory: any GuestMemory
  private let thread: AbsTid
  private let notification: UInt64
  private let address: UInt64
  private let length: Int
  private var stream: RandomStream
  private var filled = 0

  init(_ call: Call, _ stream: RandomStream, _ address: UInt64, _ length: Int) {
    memory = call.kernel.memory
    thread = call.thread.id
    notification = call.notification.id
    self.stream = stream
    self.address = address
    self.length = length
  }

  func perform() throws(Errno) {
    let page = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 8)
    defer { page.deallocate() }
    while filled < length {
      let piece = UnsafeMutableRawBufferPointer(rebasing: page.prefix(length - filled))
      stream.fill(piece)
      // Its memory is another's when it has ended.
      guard memory.isWaiting(notification) else { throw .interrupted }
      let written: Int
      do throws(Errno) {
        written = try writePages(UnsafeRawBufferPointer(piece), to: memory, of: thread, at: address &+ UInt64(filled))
      } catch {
        if filled == 0 { throw error }
        return
      }
      filled += written
      if written < piece.count { return }
    }
  }

  func publish(failed: Bool) throws(Errno) {}

  var value: Int64? { Int64(filled) }
}
