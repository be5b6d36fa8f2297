import Glibc
import SystemPackage

/// Streams the events of a trace with bounded memory, in the order in which they were recorded: those in its `perfetto` file,
/// and while the run goes on or if it was killed, those in its buffer.
public final class EventReader {
  private enum Place {
    case packets
    case buffer
  }

  private let packets: PacketFileReader?
  private let buffer: EventBufferReader?
  private var decoder = TraceDecoder()
  private var place = Place.packets
  /// Of the `perfetto` file.
  private var limit: UInt64 = 0
  /// Events of the buffer that were given out and that the packets after the limit have, too.
  private var ahead = 0
  private var skipped = 0
  private var isBroken = false

  /// - Parameter trace: the run's directory.
  /// - Throws: what opening its files failed with.
  public convenience init(trace: String) throws(Errno) { try self.init(trace: trace, packetsOnly: false) }

  /// - Parameter packetsOnly: whether `perfetto` has all events although there is a buffer.
  init(trace: String, packetsOnly: Bool) throws(Errno) {
    // In this order: what the buffer no longer has, the other has.
    do { buffer = packetsOnly ? nil : try EventBufferReader(path: "\(trace)/events") } catch {
      guard error == .invalidArgument else { throw error }
      buffer = nil
      isBroken = true
    }
    do {
      packets = try PacketFileReader(path: "\(trace)/perfetto")
    } catch {
      guard error == .noSuchFileOrDirectory, buffer != nil else { throw error }
      packets = nil
    }
    limit = buffer?.progress.length ?? .max
  }

  /// What was read so far, in bytes of the two files.
  public var offset: Int { Int(clamping: packets?.offset ?? 0) + Int(clamping: buffer?.offset ?? 0) }

  /// Whether `perfetto` has all events that there will be.
  var isWhole: Bool { buffer == nil && !isBroken }

  /// How much of `perfetto` holds while there is a buffer.
  var lengthOfPackets: UInt64 { limit == .max ? 0 : limit }

  /// Whether the last event was one of `perfetto`, or none was read.
  var isInPackets: Bool { place == .packets }

  /// Whether the files hold what is no event, or end in the middle of one.
  public var isDamaged: Bool { isBroken || packets?.isDamaged == true || buffer?.isDamaged == true }

  /// The next event; its name is valid until the next call.
  /// - Returns: nil at the end. Of a run that goes on there may be more later.
  /// - Throws: what read(2) failed with.
  public func next() throws(Errno) -> (Event, UnsafeBufferPointer<UInt8>)? {
    while !isDamaged {
      switch place {
      case .packets:
        if let found = try nextOfPackets() {
          if skipped == 0 { return found }
          skipped -= 1
        } else if isDamaged || !proceed() {
          return nil
        }
      case .buffer:
        guard let buffer else { return nil }
        switch try buffer.next() {
        case .event(let event, let name):
          ahead += 1
          return (event, name)
        case .end: return nil
        case .gone:
          guard !buffer.isDamaged else { return nil }
          skipped = ahead
          ahead = 0
          limit = buffer.progress.length
          place = .packets
        }
      }
    }
    return nil
  }

  /// What to do at the limit.
  /// - Returns: false if this is the end.
  private func proceed() -> Bool {
    guard let buffer else {
      // A whole file says where it ends.
      isBroken = isBroken || !decoder.hasEnded
      return false
    }
    let progress = buffer.progress
    if progress.length != limit {
      limit = progress.length
      return true
    }
    guard (packets?.offset ?? 0) == limit, skipped == 0 else {
      isBroken = true
      return false
    }
    buffer.seek(progress.drained)
    place = .buffer
    return true
  }

  private func nextOfPackets() throws(Errno) -> (Event, UnsafeBufferPointer<UInt8>)? {
    guard let packets else { return nil }
    while let packet = try packets.next(limit: limit) {
      do throws(TraceDecoder.Damage) {
        if let event = try decoder.decode(packet) { return event }
      } catch {
        isBroken = true
        return nil
      }
    }
    return nil
  }
}
