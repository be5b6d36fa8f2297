import CLinux
import Glibc
import SystemPackage

/// Reads the records of a run's buffer, whose run may go on: see `EventBuffer`.
final class EventBufferReader {
  private let file: FileDescriptor
  private let header: UnsafeMutableRawPointer
  private let capacity: UInt64
  private let buffer = UnsafeMutableRawPointer.allocate(byteCount: EventBuffer.windowSize, alignment: 8)
  /// What of the records is in the buffer.
  private var range: Range<UInt64> = 0..<0
  private(set) var offset: UInt64 = 0
  private(set) var isDamaged = false

  /// - Returns: nil if there is no such file.
  /// - Throws: what opening or mapping it failed with; `invalidArgument` if it is no buffer.
  init?(path: String) throws(Errno) {
    do throws(Errno) { file = try TraceDirectory.open(path) } catch {
      if error == .noSuchFileOrDirectory { return nil }
      throw error
    }
    var status = stat()
    let isShort = fstat(file.rawValue, &status) < 0 || status.st_size < EventBuffer.headerSize
    guard !isShort, let mapped = mmap(nil, EventBuffer.headerSize, PROT_READ, MAP_SHARED, file.rawValue, 0),
      mapped != MAP_FAILED
    else {
      close(file.rawValue)
      throw .invalidArgument
    }
    header = mapped
    capacity = EventBuffer.load(mapped, .capacity)
    let window = UInt64(EventBuffer.windowSize)
    isDamaged =
      EventBuffer.load(mapped, .magic) != EventBuffer.magic || capacity == 0 || capacity % window != 0
      || capacity > 1 << 40
  }

  deinit {
    munmap(header, EventBuffer.headerSize)
    buffer.deallocate()
    close(file.rawValue)
  }

  var progress: EventBuffer.Progress { EventBuffer.progress(header) }

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
    let end = EventBuffer.load(header, .end)
    let drained = progress.drained
    guard drained <= offset, end >= offset, end - drained <= capacity else {
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
