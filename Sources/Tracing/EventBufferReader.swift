import CLinux
import Glibc
import SystemPackage

/// Reads the records of a run's buffer, whose run may go on: see `EventBuffer`. By read(2), since who cuts off a file that is mapped
/// ends the reader with SIGBUS.
final class EventBufferReader {
  private let file: FileDescriptor
  private let capacity: UInt64
  private let buffer = UnsafeMutableRawPointer.allocate(byteCount: EventBuffer.windowSize, alignment: 8)
  /// What of the records is in the buffer.
  private var range: Range<UInt64> = 0..<0
  private(set) var offset: UInt64 = 0
  private(set) var isDamaged = false

  /// - Returns: nil if there is no such file, or none that is needed any more.
  /// - Throws: what opening or mapping it failed with; `invalidArgument` if it is no buffer.
  init?(path: String) throws(Errno) {
    do throws(Errno) { file = try TraceDirectory.open(path) } catch {
      if error == .noSuchFileOrDirectory { return nil }
      throw error
    }
    let words: (magic: UInt64, capacity: UInt64, isReplaced: UInt64)
    do throws(Errno) {
      words = (
        try Self.load(file, EventBuffer.Word.magic.rawValue), try Self.load(file, EventBuffer.Word.capacity.rawValue),
        try Self.load(file, EventBuffer.Word.isReplaced.rawValue)
      )
    } catch {
      close(file.rawValue)
      throw .invalidArgument
    }
    if words.isReplaced != 0, words.magic == EventBuffer.magic {
      close(file.rawValue)
      return nil
    }
    capacity = words.capacity
    let window = UInt64(EventBuffer.windowSize)
    isDamaged = words.magic != EventBuffer.magic || capacity == 0 || capacity % window != 0 || capacity > 1 << 40
  }

  deinit {
    buffer.deallocate()
    close(file.rawValue)
  }

  /// Beyond what any run records, and far from where sums overflow.
  private static let maximumOffset: UInt64 = 1 << 60

  /// A word of the header, read twice, since its writer may be writing it.
  private static func load(_ file: FileDescriptor, _ offset: Int) throws(Errno) -> UInt64 {
    var last: UInt64?
    while true {
      var word: UInt64 = 0
      let count = pread(file.rawValue, &word, 8, off_t(offset))
      if count < 0, errno == EINTR { continue }
      // The file was cut off.
      guard count == 8 else { throw .invalidArgument }
      if word == last { return UInt64(littleEndian: word) }
      last = word
    }
  }

  private func load(_ word: EventBuffer.Word, at offset: Int = 0) throws(Errno) -> UInt64 {
    try Self.load(file, word.rawValue + offset)
  }

  var progress: EventBuffer.Progress {
    do throws(Errno) {
      while true {
        let pair = try load(.pair)
        let base = pair & 1 == 0 ? EventBuffer.Word.firstPair : .secondPair
        let progress = EventBuffer.Progress(drained: try load(base), length: try load(base, at: 8))
        if progress.drained > Self.maximumOffset || progress.length > Self.maximumOffset { throw .invalidArgument }
        // It holds unless it was switched, perhaps twice, in between; its upper bits count.
        if try load(.pair) == pair { return progress }
      }
    } catch {
      isDamaged = true
      return EventBuffer.Progress()
    }
  }

  func seek(_ offset: UInt64) {
    self.offset = offset
    range = offset..<offset
  }

  enum Outcome {
    /// Its name is valid until the next call.
    case event(Event, UnsafeBufferPointer<UInt8>)
    case end
    /// What comes next is in `perfetto` meanwhile, or the file is damaged.
    case gone
  }

  func next() throws(Errno) -> Outcome {
    while !isDamaged {
      if try !fill(MemoryLayout<Event>.alignment) { return isDamaged ? .gone : outcomeAtEnd }
      let place = buffer + Int(offset - range.lowerBound)
      if place.load(as: UInt8.self) == EventBuffer.wrap {
        offset += capacity - offset % capacity
        continue
      }
      guard try fill(MemoryLayout<Event>.size) else { return damaged() }
      let event = (buffer + Int(offset - range.lowerBound)).load(as: Event.self)
      let size = MemoryLayout<Event>.size + (Int(event.nameLength) + 7) & ~7
      guard EventKind(rawValue: event.kind) != nil, try fill(size) else { return damaged() }
      let name = buffer + Int(offset - range.lowerBound) + MemoryLayout<Event>.size
      offset += UInt64(size)
      return .event(
        event,
        UnsafeBufferPointer(start: name.assumingMemoryBound(to: UInt8.self), count: Int(event.nameLength)))
    }
    return .gone
  }

  private var outcomeAtEnd: Outcome { progress.drained > offset ? .gone : .end }

  private func damaged() -> Outcome {
    // Bytes that were given back while they were read are none that make sense.
    if progress.drained <= offset { isDamaged = true }
    return .gone
  }

  /// Reads until so many bytes at the offset are in memory.
  /// - Returns: false if there are not as many.
  private func fill(_ count: Int) throws(Errno) -> Bool {
    if range.contains(offset), range.upperBound - offset >= UInt64(count) { return true }
    let end = (try? load(.end)) ?? .max
    let drained = progress.drained
    guard !isDamaged, end <= Self.maximumOffset, drained <= offset, end >= offset, end - drained <= capacity else {
      isDamaged = isDamaged || drained <= offset
      return false
    }
    let room = capacity - offset % capacity
    let wanted = Int(min(end - offset, room, UInt64(EventBuffer.windowSize)))
    guard wanted >= count else { return false }
    range = offset..<offset
    var done = 0
    while done < wanted {
      let place = EventBuffer.headerSize + Int(offset % capacity) + done
      let got = pread(file.rawValue, buffer + done, wanted - done, place)
      if got < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      if got == 0 { break }
      done += got
    }
    range = offset..<offset + UInt64(done)
    // What was given back meanwhile reads as zeros.
    return done >= count && progress.drained <= offset
  }
}
